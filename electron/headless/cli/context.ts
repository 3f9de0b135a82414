/** What every command is given: where to write, how to reach the application, and how it ends. */
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { ApplicationFactory } from '../../application/application-factory.ts';
import { withDemoFleet } from '../../application/demo-application.ts';
import { noFileSaver } from '../../application/file-saver.ts';
import type { FileSaver } from '../../application/file-saver.ts';
import { defaultDataFolder } from '../../store/paths.ts';
import type { ChangeRequest } from '../../../shared/model/plan.ts';
import type { Client } from './client.ts';
import type { DocumentContent, DocumentName } from './documents.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { createInterruption, Interrupted } from './interruption.ts';
import type { Interruption } from './interruption.ts';
import type { FoundVm } from './names.ts';
import type { TargetOptions } from './targets.ts';
import { visibleJson } from '../../../shared/rules/text/visible-json.ts';
import { shownSentence } from './output.ts';
import type { Output } from './output.ts';
import type { Terminal } from './terminal.ts';

/** The options that stand before or behind every command. */
export interface GlobalOptions {
  readonly json?: true | undefined;
  readonly demo?: true | undefined;
  readonly dataFolder?: string | undefined;
  /** False: `--no-input`. */
  readonly input: boolean;
  readonly verbose?: true | undefined;
}

export interface Work {
  readonly client: Client;
  readonly interruption: Interruption;
  /** Null where nobody can be asked. */
  readonly terminal: Terminal | null;
}

/** A plan that was asked for on the command line, before its VM is looked up. */
export interface AskedPlan {
  readonly options: TargetOptions;
  /** What names the VM. */
  readonly text: string;
  /** Throws what naming throws. */
  readonly requestFor: (vm: FoundVm['vm'], inventory: FoundVm['reading']['inventory']) => ChangeRequest;
}

export interface CommandContext {
  readonly output: Output;
  /** How the process is to end; the last word counts. */
  exitCode: ExitCode;
  /** The folder that the options name, or the usual one. */
  dataFolder(options: GlobalOptions): string;
  readonly createApplication: ApplicationFactory;
  /**
   * Opens the application, does the work and closes it again, whatever happened. Never throws: what went wrong is
   * printed and decides the exit code.
   *
   * @param access `exclusive` for what writes to the data folder or changes a host
   */
  work(
    options: GlobalOptions,
    access: 'exclusive' | 'readOnly',
    task: (work: Work) => Promise<ExitCode>,
    files?: FileSaver,
  ): Promise<void>;
  /** Runs what needs no application; errors as in `work`. */
  attempt(options: Pick<GlobalOptions, 'json'>, task: () => Promise<ExitCode>): Promise<void>;
  /** Prints a document on stdout. */
  document<Name extends DocumentName>(name: Name, content: DocumentContent<Name>): void;
  /** Where it is there, plans are not made but given to it: for files that hold many. */
  readonly collectPlan?: (asked: AskedPlan) => void;
  /** Warns on stderr. */
  readonly warn: (message: string) => void;
}

export function createContext(parts: {
  readonly output: Output;
  readonly createApplication: ApplicationFactory;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): CommandContext {
  const { output, createApplication, environment } = parts;

  function fail(error: unknown, json: boolean): ExitCode {
    if (error instanceof Interrupted) return error.exitCode;
    const known = SnaptreeError.is(error) ? error : unexpected(error);
    const exitCode = exitCodeOf(known.code);
    output.say(`${output.paint.err('red', 'snaptree:')} ${shownSentence(known.message)}`);
    if (json) context.document('error', { schema: 'snaptree.error', version: 1, exitCode, error: known.toData() });
    return exitCode;
  }

  const context: CommandContext = {
    output,
    createApplication,
    exitCode: exitCodes.done,
    dataFolder({ dataFolder }) {
      if (dataFolder === undefined) return defaultDataFolder(environment, process.platform, homedir());
      return isAbsolute(dataFolder) ? dataFolder : resolve(dataFolder);
    },
    async work(options, access, task, files = noFileSaver) {
      const { createLog, createClient, createAsker, openTerminal } = await loadWork();
      const log = createLog({ level: options.verbose === true ? 'debug' : 'silent' });
      const interruption = createInterruption();
      let client: Client | null = null;
      try {
        const create = options.demo === true ? withDemoFleet(createApplication, 'waits') : createApplication;
        const dataFolder = context.dataFolder(options);
        const application = await create({ dataFolder, shell: 'commandLine', log, access, files });
        const terminal = options.input ? openTerminal({ stdin: process.stdin, stderr: process.stderr }) : null;
        const asker = createAsker({ terminal, say: output.say, interrupt: interruption.interrupt });
        const { signal } = interruption;
        client = createClient({ application, log, signal, asker, warn: context.warn });
        context.exitCode = await task({ client, interruption, terminal });
      } catch (error) {
        const wanted = interruption.exitCode;
        const isEcho = wanted !== null && SnaptreeError.is(error, 'cancelled');
        context.exitCode = isEcho ? wanted : fail(error, options.json === true);
      }
      try {
        await client?.close();
      } catch (error) {
        log.error('The application could not be closed cleanly.', { error });
      }
      interruption.stop();
    },
    async attempt({ json }, task) {
      try {
        context.exitCode = await task();
      } catch (error) {
        context.exitCode = fail(error, json === true);
      }
    },
    document(_name, content) {
      output.data(`${visibleJson(content)}\n`);
    },
    warn(message) {
      output.say(`${output.paint.err('yellow', 'snaptree:')} ${shownSentence(message)}`);
    },
  };
  return context;
}

/** What only a command that works needs: `--version`, help and completion are quick without it. */
async function loadWork() {
  const { createLog } = await import('../../base/log.ts');
  const { createClient } = await import('./client.ts');
  const { createAsker } = await import('./questions.ts');
  const { openTerminal } = await import('./terminal.ts');
  return { createLog, createClient, createAsker, openTerminal };
}

function unexpected(error: unknown): SnaptreeError {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new SnaptreeError(
    'internalError',
    `Snaptree met an error of its own that it does not understand: ${message}`,
    {
      cause: error,
    },
  );
}
