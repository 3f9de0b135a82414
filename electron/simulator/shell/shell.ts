/** Runs command lines on a simulated host, in an interpreter inside this process. */
import { randomUUID } from 'node:crypto';
import type { Bash, Command } from 'just-bash/browser';
import { joinSignals, whenAborted } from '../../base/abort.ts';
import { quoteCommand } from '../../hosts/commands/quoting.ts';
import { copying, runQemuImg } from '../images/qemu-img.ts';
import { settle } from '../libvirt/block-jobs.ts';
import type { VirshHost } from '../libvirt/virsh-call.ts';
import { runVirsh } from '../libvirt/virsh.ts';
import { qemuImgHost, type Machine } from '../machine.ts';
import type { Process } from '../processes.ts';
import { byteTools, done, failed, tools, type ToolResult } from './tools.ts';

export interface ShellOutput {
  readonly stdout: (bytes: Buffer) => void;
  readonly stderr: (bytes: Buffer) => void;
}

type Context = Parameters<Command['execute']>[1];
type Result = Awaited<ReturnType<Command['execute']>>;

const limit = 1_000_000_000;

/** Everything that the interpreter bounds, for scripts that read hundreds of VMs. */
const executionLimits = {
  maxCommandCount: limit,
  maxLoopIterations: limit,
  maxAwkIterations: limit,
  maxWorkUnits: limit,
  maxCallDepth: 1000,
  maxSubstitutionDepth: 200,
  maxGlobOperations: limit,
};

function resultOf({ stdout, stderr, exitCode, bytes }: ToolResult): Result {
  return { stdout, stderr, exitCode, stdoutKind: bytes === true ? 'bytes' : 'text' };
}

/** The interpreter's bytes are a text of characters from 0 to 255. */
const text = (bytes: Context['stdin']): string => (typeof bytes === 'string' ? bytes : '');

/** Runs a command line as a login shell does; gives its exit code when it ended. */
export async function runShell(
  machine: Machine,
  commandLine: string,
  stdin: string,
  output: ShellOutput,
): Promise<number> {
  settle(machine.world);
  const process = machine.processes.begin({ detached: false, words: [commandLine] });
  try {
    const bash = await createBash(machine, process);
    const result = await bash.exec(commandLine, { rawScript: true, stdin });
    output.stdout(encoded(result.stdout, result.stdoutKind));
    output.stderr(Buffer.from(result.stderr));
    return result.exitCode;
  } finally {
    machine.processes.end(process);
  }
}

function encoded(stdout: string, kind: 'text' | 'bytes' | undefined): Buffer {
  return Buffer.from(stdout, kind === 'bytes' ? 'latin1' : 'utf8');
}

async function createBash(machine: Machine, process: Process): Promise<Bash> {
  const { Bash: Interpreter } = await import('just-bash/browser');
  const customCommands = commandsOf(machine, process);
  showPrograms(machine, customCommands);
  return new Interpreter({
    fs: machine.files,
    cwd: '/root',
    env: {
      HOME: '/root',
      USER: 'root',
      LOGNAME: 'root',
      SHELL: '/bin/bash',
      PATH: '/usr/local/bin:/usr/bin:/bin',
      LANG: 'C.UTF-8',
    },
    executionLimits,
    // It would change globals of this process; the scripts are the product's own.
    defenseInDepth: false,
    processInfo: { pid: process.pid, ppid: 1, uid: 0, gid: 0 },
    // It knows its commands without looking whether they are still there.
    customCommands: customCommands.filter(({ name }) => machine.files.fileAt(`/usr/bin/${name}`) !== null),
  });
}

/** Of the interpreter's own commands those that a plain Linux host has. */
const ownCommands =
  'basename bash cat chmod cp cut date dirname du echo env expr false find grep gzip ls mkdir mv printf pwd rm rmdir sed seq sort tee test touch tr true uniq wc which whoami xargs'.split(
    ' ',
  );

/** The interpreter looks for commands along PATH. */
function showPrograms(machine: Machine, commands: readonly Command[]): void {
  if (machine.files.fileAt('/usr/bin/sh')) return;
  for (const name of [...ownCommands, ...commands.map((command) => command.name)]) {
    machine.files.putText(`/usr/bin/${name}`, '');
    machine.files.chmod(`/usr/bin/${name}`, 0o755).catch(() => undefined);
  }
}

/** The variable in which commands find the process that runs them. */
const processVariable = 'SIMULATED_PROCESS';

function commandsOf(machine: Machine, shell: Process): Command[] {
  const command = (
    name: string,
    execute: (argv: string[], context: Context) => Promise<ToolResult | Result>,
  ): Command => ({
    name,
    async execute(argv, context) {
      const result = await execute(argv, context);
      return 'bytes' in result ? resultOf(result) : result;
    },
  });
  const parentOf = ({ env }: Context) => machine.processes.find(Number(env.get(processVariable))) ?? shell;
  /** One that takes time is a process of its own, and a signal ends it. */
  const program = (
    name: string,
    execute: (argv: string[], context: Context, process: Process) => Promise<ToolResult | Result>,
  ): Command =>
    command(name, async (argv, context) => {
      const process = machine.processes.begin({ detached: false, words: [name, ...argv], parent: parentOf(context) });
      const killed = Promise.withResolvers<ToolResult>();
      const stopListening = whenAborted(process.signal, () => {
        killed.resolve(done('', 143));
      });
      try {
        return await Promise.race([execute(argv, context, process), killed.promise]);
      } finally {
        stopListening();
        machine.processes.end(process);
      }
    });
  const invocation = (argv: string[], { cwd, stdin }: Context) => ({ machine, argv, cwd, stdin: text(stdin) });
  return [
    ...[...tools].map(([name, tool]) =>
      command(name, (argv, context) => Promise.resolve(resultOf(tool(invocation(argv, context))))),
    ),
    ...[...byteTools].map(([name, tool]) =>
      command(name, async (argv, context) => {
        if (argv.includes('-c')) return resultOf(tool(invocation(argv, context)));
        return (await context.origCommand?.(argv)) ?? failed(`${name}: not here`);
      }),
    ),
    command('date', async (argv, context) => {
      if (argv.join(' ') === '+%s') return resultOf(done(`${Math.floor(machine.now())}\n`));
      return (await context.origCommand?.(argv)) ?? failed('date: not here');
    }),
    command('awk', (argv, context) => runAwk(machine, argv, context)),
    program('sh', (argv, context, process) => runSh(argv, context, process)),
    program('sleep', async (argv) => {
      await machine.sleep(Number(argv[0] ?? 0) * 1000);
      return done();
    }),
    command('trap', (argv, context) => Promise.resolve(trap(machine, argv, parentOf(context)))),
    command(takeActions, (_argv, context) =>
      Promise.resolve(done(machine.processes.takeActions(parentOf(context)).join('\n'))),
    ),
    command('timeout', (argv, context) => runTimeout(argv, context)),
    command('setsid', (argv, context) => Promise.resolve(startDetached(machine, argv, context))),
    command('nohup', (argv, context) => Promise.resolve(startDetached(machine, argv, context))),
    command('sudo', (argv, context) => {
      const words = argv.filter((word) => word !== '-n' && word !== '--');
      return run(context, quoteCommand(words));
    }),
    program('qemu-img', (argv, context, process) => qemuImg(machine, argv, context, process)),
    program('virsh', (argv, _context, process) => virsh(machine, argv, process)),
  ];
}

async function run(context: Context, commandLine: string, stdin = text(context.stdin)): Promise<Result> {
  if (!context.exec) return resultOf(failed('sh: cannot run commands here', 126));
  const { cwd, exportedEnv, signal } = context;
  return context.exec(commandLine, {
    cwd,
    ...(exportedEnv && { env: exportedEnv }),
    stdin,
    stdinKind: 'bytes',
    ...(signal && { signal }),
  });
}

/**
 * The interpreter's awk (3.4.2) leaves out what stands in END behind the first statement where the last record ended with
 * `next`. A record of ours behind the last one makes an end that it knows. What is printed to /dev/stderr it throws away.
 */
async function runAwk(machine: Machine, argv: readonly string[], context: Context): Promise<Result> {
  const original = (words: readonly string[]) => context.origCommand?.([...words]);
  let index = 0;
  while (argv[index]?.startsWith('-') === true) index += argv[index] === '-v' || argv[index] === '-F' ? 2 : 1;
  const program = argv[index];
  const words = argv.slice(index + 1);
  const asArguments = program?.includes('ARGV[') === true;
  if (program === undefined || (words.length > 0 && !asArguments)) {
    return (await original(argv)) ?? resultOf(failed('awk: not here'));
  }
  const mark = `end-${randomUUID()}`;
  const input = text(context.stdin);
  const path = `/tmp/.awk-${mark}`;
  const errors = `${path}-errors`;
  const records = `${input}${input === '' || input.endsWith('\n') ? '' : '\n'}${mark}\n`;
  await machine.files.writeFile(path, Buffer.from(records, 'latin1'));
  try {
    const itself = asArguments ? withArguments(program, words) : program;
    const guarded = `$0 == "${mark}" { NR--; exit }\n${itself.replaceAll('"/dev/stderr"', `"${errors}"`)}`;
    const result = await original([...argv.slice(0, index), guarded, path]);
    if (!result) return resultOf(failed('awk: not here'));
    const said = machine.files.fileAt(errors);
    return said ? { ...result, stderr: result.stderr + new TextDecoder().decode(said.bytes) } : result;
  } finally {
    machine.files.remove(path);
    machine.files.remove(errors);
  }
}

/** Its awk knows no words behind the program but files. All of the product's that look at ARGV set ARGC to 1, so that none of it is one. */
function withArguments(program: string, words: readonly string[]): string {
  const quoted = (word: string) =>
    `"${word.replace(/[\\"]/g, (character) => `\\${character}`).replaceAll('\n', '\\n')}"`;
  const given = words.map((word, index) => `given[${index + 1}] = ${quoted(word)}`).join('; ');
  const itself = program.replaceAll('ARGV[', 'given[').replaceAll(/\bARGC\b/g, 'givenCount');
  return `BEGIN { givenCount = ${words.length + 1}; ${given} }\n${itself}`;
}

/**
 * The interpreter (3.4.2) takes a pattern that nothing matches apart at its spaces, also where those stand in quotes. None of
 * the product's scripts wants such a pattern as it stands.
 */
const patterns = 'shopt -s nullglob\n';

const takeActions = 'take-actions-of-traps';

/**
 * The interpreter has no traps. A script that sets some is told of signals when it wakes up: all of the product's that do so sleep in
 * a loop.
 */
const withTraps = (script: string): string =>
  /\btrap\b/.test(script) ? `sleep() { command sleep "$@"; eval "$(${takeActions})"; }\n${script}` : script;

/** `trap ACTION SIGNAL…`, of SIGTERM; what stands there for the end of a shell is not run. */
function trap(machine: Machine, argv: readonly string[], process: Process): ToolResult {
  const [action = '', ...signals] = argv;
  if (signals.includes('TERM')) machine.processes.onTerminate(process, action === '-' ? null : action);
  return done();
}

/** `sh -c SCRIPT [NAME ARGUMENTS…]` and `sh -s`, which reads its script from its input. */
async function runSh(argv: readonly string[], context: Context, process: Process): Promise<Result> {
  const { signal } = process;
  const env = { ...context.exportedEnv, [processVariable]: String(process.pid) };
  const inside = {
    ...context,
    exportedEnv: env,
    signal: context.signal ? joinSignals([context.signal, signal]) : signal,
  };
  if (argv[0] === '-c') return run(inside, commandLineOf(argv));
  return run(inside, patterns + withTraps(Buffer.from(text(context.stdin), 'latin1').toString('utf8')), '');
}

/** What `sh -c SCRIPT [NAME ARGUMENTS…]` runs. */
function commandLineOf([, script = '', , ...words]: readonly string[]): string {
  return `${patterns}set -- ${quoteCommand(words)}\n${withTraps(script)}`;
}

/** `timeout -k SECONDS SECONDS COMMAND…` */
async function runTimeout(argv: readonly string[], context: Context): Promise<Result> {
  const words = argv[0] === '-k' ? argv.slice(2) : argv;
  const [seconds = '0', ...command] = words;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<Result>((resolve) => {
    const end = () => {
      resolve({ stdout: '', stderr: '', exitCode: 124 });
    };
    timer = setTimeout(end, Number(seconds) * 1000);
  });
  try {
    return await Promise.race([run(context, quoteCommand(command)), expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** A process of its own session, which lives on when the shell that started it is gone. */
function startDetached(machine: Machine, argv: readonly string[], { cwd, exportedEnv }: Context): ToolResult {
  const process = machine.processes.begin({ detached: true, words: argv });
  const live = async () => {
    const bash = await createBash(machine, process);
    // The shell is the process itself.
    await bash.exec(argv[0] === 'sh' && argv[1] === '-c' ? commandLineOf(argv.slice(1)) : quoteCommand(argv), {
      rawScript: true,
      cwd,
      signal: process.signal,
      env: { ...exportedEnv, [processVariable]: String(process.pid) },
    });
  };
  live()
    .catch(() => undefined)
    .finally(() => {
      machine.processes.end(process);
    });
  return done();
}

/** Gives what is waited for to a process that is still there, and nothing to one that was ended meanwhile. */
async function unlessEnded<Value>(process: Process, waited: Promise<Value>): Promise<Value> {
  const value = await waited;
  return process.signal.aborted ? new Promise<never>(() => undefined) : value;
}

/**
 * The interpreter runs one command after the other, so that no loop beside it sees what `-p` prints while it works: how far it is, is
 * told here, where a step is to tell it.
 */
async function qemuImg(machine: Machine, argv: string[], context: Context, process: Process): Promise<Result> {
  const { cwd, env } = context;
  settle(machine.world);
  const host = qemuImgHost(machine);
  const step = env.get('SNAPTREE_STEP');
  const { bytes: total, ofBytes } = copying(host, argv, cwd);
  await unlessEnded(
    process,
    machine.copy(total, process.signal, (bytes) => {
      if (step !== undefined && argv.includes('-p')) machine.files.putText(`${step}/progress`, `${bytes} ${ofBytes}\n`);
    }),
  );
  return resultOf(runQemuImg(host, argv, cwd));
}

async function virsh(machine: Machine, argv: readonly string[], process: Process): Promise<Result> {
  let stdout = '';
  let stderr = '';
  const host: VirshHost = {
    world: machine.world,
    work: (milliseconds) => unlessEnded(process, machine.work(milliseconds)),
    meet: (command, vmUuid) => unlessEnded(process, machine.faults.meetVirsh(command, vmUuid)),
  };
  // The interpreter joins both outputs for `2>&1` one behind the other. Where a line holds several commands they belong
  // together in their order, and nobody reads them apart.
  const together = argv.some((word) => word.includes(';'));
  const exitCode = await runVirsh(host, argv, {
    out: (words) => {
      stdout += words;
    },
    error: (words) => {
      if (together) stdout += words;
      else stderr += words;
    },
  });
  return { stdout, stderr, exitCode };
}
