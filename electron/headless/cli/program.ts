/** The command line as the parser knows it: every command with its options, and the help for it. */
import { Command, Option } from '@commander-js/extra-typings';
import packageJson from '../../../package.json' with { type: 'json' };
import { exitCodeMeanings } from './exit-codes.ts';

export function createProgram() {
  return new Command('snaptree')
    .description(
      'Browse the snapshots of virtual machines on many hypervisor hosts and act on them, safely.\n\n' +
        'Every change is planned first: the plan says what will be run, which files it touches and what is there ' +
        'afterwards. A plan that would harm data is refused, and one that no longer fits the host is not run.',
    )
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; works for every command')
    .helpCommand('help [command]', 'print help for a command')
    .addOption(new Option('--json', 'print JSON on stdout (schemas: docs/schemas); also where the command fails'))
    .addOption(new Option('--demo', 'work on the demo fleet, three simulated hosts, and on nothing else'))
    .addOption(new Option('--data-folder <folder>', 'where Snaptree keeps its data (else $SNAPTREE_DATA)'))
    .addOption(new Option('--no-input', 'never ask on the terminal: questions are answered with no'))
    .addOption(new Option('--verbose', 'write a log to stderr'))
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError('Add --help for what can be given.')
    .addHelpText('after', rootHelp());
}

export type Program = ReturnType<typeof createProgram>;

type AnyCommand = Pick<Program['commands'][number], 'commands' | 'exitOverride' | 'configureOutput'>;

/** A command and everything below it. */
export function withSubcommands(command: AnyCommand): readonly AnyCommand[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function rootHelp(): string {
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return `
Naming things:
  HOST  a name or id from “snaptree hosts”, or --uri qemu+ssh://root@kvm1.example/system.
  VM    a UUID, a name, or HOST/NAME. A name that several VMs have is refused, with the candidates.

stdout holds the data; everything for people (questions, warnings, progress) goes to stderr.

Examples:
  snaptree --demo tree web-frontend              try it out without a hypervisor
  snaptree inventory --uri qemu:///system        what is on this computer
  snaptree plan create kvm1/web before-upgrade   what a snapshot would mean
  snaptree plan create web before-upgrade --json > plan.json && snaptree run plan.json
  snaptree report --all --format html --output report.html

Exit codes:
${codes.join('\n')}

Environment:
  SNAPTREE_DATA  the data folder, as --data-folder
  NO_COLOR       no colours, whatever the terminal can do
`;
}

/** The text behind a command's help: examples, and what else is to be known. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
