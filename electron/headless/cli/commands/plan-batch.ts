import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import type { PlanCommand } from './plan-command.ts';
import { collect, hostOption, uriOption } from './shared-options.ts';

const secondsOf = { h: 3600, d: 86_400, w: 604_800 } as const;

/** Seconds, from an age such as `12h`, `30d` or `6w`. Throws what the parser shows its user. */
function age(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  if (unit !== 'h' && unit !== 'd' && unit !== 'w') {
    throw new InvalidArgumentError('It must be a number of hours, days or weeks, such as 12h, 30d or 6w.');
  }
  return Number(number) * secondsOf[unit];
}

/**
 * `plan batch`: many changes as one plan.
 *
 * @param programFor the plan commands over a context that collects what they ask for
 */
export function addBatchPlan(
  plan: PlanCommand,
  context: CommandContext,
  programFor: (collecting: CommandContext) => Program,
): void {
  plan
    .command('batch')
    .summary('plan many changes as one, from a file or by what snapshots have in common')
    .description(
      'Plan many changes, of many VMs on many hosts, as one batch. Either a file says what to do: each line is what would ' +
        'stand behind “snaptree plan”, with quotes as in a shell, and # begins a remark. Or --delete deletes every snapshot that ' +
        'all of the conditions hold for, and --create makes one of every VM that --vm names.\n\n' +
        'Changes of one VM are made one after the other. The first is run as it was planned; those behind it are planned again ' +
        'when their turn comes, and begun only within what was planned here. What is refused is left out, and where a change ' +
        'fails, the rest on its VM is left out; everything else goes on. With --json the batch is printed as the file that ' +
        '“snaptree run” takes.',
    )
    .argument('[file]', 'the file; - for stdin')
    .addOption(new Option('--delete', 'delete the snapshots that the conditions hold for').conflicts('create'))
    .option('--create <name>', 'create a snapshot of this name of each VM that --vm names')
    .addOption(
      new Option('--older-than <age>', 'with --delete: made longer ago, such as 12h, 30d or 6w').argParser(age),
    )
    .option(
      '--name-matches <pattern>',
      'with --delete: the name of the snapshot; * stands for anything, ? for one character',
    )
    .addOption(
      new Option(
        '--vm <pattern>',
        'only VMs of that name (or UUID); * and ? as for --name-matches; can be given several times',
      ).argParser(collect),
    )
    .addOption(
      new Option('--kind <kind>', 'only snapshots of this kind; with --create the kind that is made').choices([
        'internal',
        'external',
      ] as const),
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan batch changes.txt',
        'snaptree plan batch --delete --older-than 30d --name-matches "nightly-*"',
        'snaptree plan batch --create before-upgrade --kind external --vm "web*" --json > batch.json && snaptree run batch.json',
      ),
    )
    .action(async (file, _options, command) => {
      const options = command.optsWithGlobals();
      const wrong = (why: string) => command.error(`error: ${why}`, { exitCode: exitCodes.usage });
      if (context.collectPlan) wrong('a batch cannot be in a batch');
      const selects = options.delete === true || options.create !== undefined;
      const conditions = [options.olderThan, options.nameMatches];
      if (selects === (file !== undefined)) wrong('give either a file, or --delete or --create');
      if (options.delete === true && [...conditions, options.vm].every((each) => each === undefined)) {
        wrong('--delete needs a condition: --older-than, --name-matches or --vm');
      }
      if (options.create !== undefined && options.vm === undefined) wrong('--create needs --vm');
      if (options.delete !== true && conditions.some((each) => each !== undefined)) {
        wrong('--older-than and --name-matches are for --delete');
      }
      if (file !== undefined && (options.vm ?? options.kind) !== undefined) {
        wrong('--vm and --kind are for --delete and --create: a file says them in its lines');
      }
      const { printBatchPlan } = await import('../batch-planning.ts');
      await printBatchPlan(context, options, file ?? null, programFor);
    });
}
