/** A plan as a shell script, for those who want to read, keep or run the commands themselves. */
import type { Plan } from '../../../shared/model/plan.ts';
import { shellWords } from '../../../shared/rules/text/shell-words.ts';
import { unseen } from '../../../shared/rules/text/visible-text.ts';
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { oneLine } from '../host/one-line.ts';

/** A line of a comment can be long, but a description of 10 000 characters is not what it is for. */
const maximumCommentLength = 500;

/**
 * The steps of a plan as a commented POSIX shell script, empty for a plan without steps. Text from the host can neither
 * leave its comment nor its argument. Throws `invalidRequest` for an argument that holds NUL, which no command can take.
 */
export function planScript(plan: Omit<Plan, 'script'>): string {
  if (plan.refusals.length > 0 || plan.steps.length === 0) return '';
  const lines = [
    '#!/bin/sh',
    comment(plan.title),
    comment(`Host: ${plan.hostName}`),
    comment(`VM: ${plan.vmName} (${plan.vmUuid})`),
    comment(`Planned: ${new Date(plan.createdAt * 1000).toISOString()} from state ${plan.fingerprint}`),
    '#',
    '# These are the commands only. Snaptree also checks that the host is still as it was when the plan was made, locks the',
    '# VM against other changes and reads the host again after every step; this script does none of that.',
    ...(plan.warnings.length > 0 ? ['#', ...plan.warnings.map((note) => comment(`Warning: ${note.message}`))] : []),
    '',
    'set -eu',
    'export LC_ALL=C TZ=UTC',
  ];
  for (const step of plan.steps) {
    // What takes things back goes by what Snaptree noted of the steps before it.
    if (step.runs === 'onFailure') continue;
    lines.push(
      '',
      comment(`Step ${step.index + 1} of ${plan.steps.length}: ${step.title}`),
      ...effect('writes', step.writes),
      ...effect('creates', step.creates),
      ...effect('changes for others', step.invalidates),
      ...effect('deletes', step.deletes),
      scriptLine(step.argv),
    );
  }
  return `${lines.join('\n')}\n`;
}

function comment(text: string): string {
  return `# ${oneLine(text, maximumCommentLength)}`;
}

function effect(verb: string, paths: readonly string[]): readonly string[] {
  return paths.map((path) => comment(`  ${verb}: ${path}`));
}

/** A command as it is quoted to be run, but that nothing in it is unseen: a script is copied from terminals and editors. */
function scriptLine(argv: readonly string[]): string {
  const words = shellWords(argv);
  return argv
    .map((argument, index) => {
      const exact = quoteArgument(argument);
      return argument.search(unseen) < 0 ? exact : (words[index] ?? exact);
    })
    .join(' ');
}
