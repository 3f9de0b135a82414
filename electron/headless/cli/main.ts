/**
 * The command line from its arguments to its exit code. What it imports is what it takes to describe every command; what
 * a command takes to work is loaded when it works.
 */
import { CommanderError } from '@commander-js/extra-typings';
import type { ApplicationFactory } from '../../application/application-factory.ts';
import { listen } from '../../ipc/listen.ts';
import { addBatches } from './commands/batches.ts';
import { addChain } from './commands/chain.ts';
import { addCompletion } from './commands/completion.ts';
import { addHosts } from './commands/hosts.ts';
import { addInventory } from './commands/inventory.ts';
import { addOperations } from './commands/operations.ts';
import { addPlan } from './commands/plan.ts';
import { addReport } from './commands/report.ts';
import { addRun } from './commands/run.ts';
import { addServe } from './commands/serve.ts';
import { addTree } from './commands/tree.ts';
import { completeCommand, completionLines, completions } from './completion.ts';
import type { HostWord } from './completion.ts';
import { createContext } from './context.ts';
import type { CommandContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { createOutput } from './output.ts';
import type { Output } from './output.ts';
import { createProgram, withSubcommands } from './program.ts';
import type { Program } from './program.ts';

const createApplication: ApplicationFactory = async (options) => {
  const application = await import('../../application/application.ts');
  return application.createApplication(options);
};

/** The program with all its commands. */
export function programFor(context: CommandContext): Program {
  const program = createProgram();
  addHosts(program, context);
  addInventory(program, context);
  addTree(program, context);
  addChain(program, context);
  addPlan(program, context);
  addRun(program, context);
  addOperations(program, context);
  addBatches(program, context);
  addReport(program, context);
  addServe(program, context);
  addCompletion(program, context);
  return program;
}

/** Runs the command that `parameters` (without program and script) name, and gives its exit code. Never throws. */
export async function main(parameters: readonly string[]): Promise<ExitCode> {
  const { stdout, stderr, env } = process;
  const output = createOutput({ stdout, stderr, environment: env });
  const context = createContext({ output, createApplication, environment: env });
  const program = programFor(context);
  if (parameters[0] === completeCommand) await complete(context, program, parameters.slice(1));
  else context.exitCode = await parse(context, program, parameters, output);
  await output.flush();
  // What went wrong counts more than that nobody read it.
  const { exitCode } = context;
  const isRead = exitCode === exitCodes.done || exitCode === exitCodes.partlyUnread;
  return output.brokenPipe && isRead ? exitCodes.brokenPipe : exitCode;
}

/** Parses and runs; the help and errors of the parser go to `output`. Gives the exit code. */
export async function parse(
  context: CommandContext,
  program: Program,
  parameters: readonly string[],
  output: Output,
): Promise<ExitCode> {
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => {
        output.text(text);
      },
      writeErr: (text) => {
        output.say(text.trimEnd());
      },
    });
  }
  try {
    await program.parseAsync(parameters, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help that was asked for ends well; help for want of a command does not.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}

/** Prints what may stand next. Says nothing where anything goes wrong: it would be printed into a line being typed. */
async function complete(context: CommandContext, program: Program, words: readonly string[]): Promise<void> {
  let hostsOfBook: readonly HostWord[] = [];
  try {
    const place = words.findIndex((word) => word === '--data-folder');
    const dataFolder = context.dataFolder({ input: false, dataFolder: words[place < 0 ? -1 : place + 1] });
    const { createLog } = await import('../../base/log.ts');
    const log = createLog({ level: 'silent' });
    const application = await createApplication({ dataFolder, shell: 'commandLine', log, access: 'readOnly' });
    listen(application.handlers, 'hosts', {}, (hosts) => {
      hostsOfBook = hosts.map(({ host }) => host);
    })();
    await application.dispose();
  } catch {
    hostsOfBook = [];
  }
  context.output.data(completionLines(completions(program, words, hostsOfBook)));
}
