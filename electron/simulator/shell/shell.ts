/** Runs command lines on a simulated host, in an interpreter inside this process. */
import { randomUUID } from 'node:crypto';
import type { Bash, Command } from 'just-bash/browser';
import { quoteCommand } from '../../hosts/commands/quoting.ts';
import { runQemuImg } from '../images/qemu-img.ts';
import type { VirshHost } from '../libvirt/virsh-call.ts';
import { runVirsh } from '../libvirt/virsh.ts';
import type { Machine } from '../machine.ts';
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
  const process = machine.processes.begin({ detached: false });
  try {
    const bash = await createBash(machine, process.pid);
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

async function createBash(machine: Machine, pid: number): Promise<Bash> {
  const { Bash: Interpreter } = await import('just-bash/browser');
  const customCommands = commandsOf(machine);
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
    processInfo: { pid, ppid: 1, uid: 0, gid: 0 },
    // It knows its commands without looking whether they are still there.
    customCommands: customCommands.filter(({ name }) => machine.files.fileAt(`/usr/bin/${name}`) !== null),
  });
}

/** Of the interpreter's own commands those that a plain Linux host has. */
const ownCommands =
  'basename bash cat chmod cp cut date dirname du echo env expr false find grep gzip ls mkdir mv printf pwd rm rmdir sed seq sleep sort tee test touch tr true uniq wc which whoami xargs'.split(
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

function commandsOf(machine: Machine): Command[] {
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
    command('awk', (argv, context) => runAwk(machine, argv, context)),
    command('sh', (argv, context) => runSh(argv, context)),
    command('timeout', (argv, context) => runTimeout(argv, context)),
    command('setsid', (argv, context) => Promise.resolve(startDetached(machine, argv, context))),
    command('nohup', (argv, context) => Promise.resolve(startDetached(machine, argv, context))),
    command('sudo', (argv, context) => {
      const words = argv.filter((word) => word !== '-n' && word !== '--');
      return run(context, quoteCommand(words));
    }),
    command('qemu-img', (argv, { cwd }) => {
      const host = { files: machine.files, now: () => machine.now(), isInUse: (path: string) => machine.isInUse(path) };
      return Promise.resolve(resultOf(runQemuImg(host, argv, cwd)));
    }),
    command('virsh', (argv) => virsh(machine, argv)),
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
 * `next`. A record of ours behind the last one makes an end that it knows.
 */
async function runAwk(machine: Machine, argv: readonly string[], context: Context): Promise<Result> {
  const original = (words: readonly string[]) => context.origCommand?.([...words]);
  let index = 0;
  while (argv[index]?.startsWith('-') === true) index += argv[index] === '-v' || argv[index] === '-F' ? 2 : 1;
  const program = argv[index];
  if (program === undefined || index < argv.length - 1) {
    return (await original(argv)) ?? resultOf(failed('awk: not here'));
  }
  const mark = `end-${randomUUID()}`;
  const input = text(context.stdin);
  const path = `/tmp/.awk-${mark}`;
  const records = `${input}${input === '' || input.endsWith('\n') ? '' : '\n'}${mark}\n`;
  await machine.files.writeFile(path, Buffer.from(records, 'latin1'));
  try {
    const guarded = `$0 == "${mark}" { NR--; exit }\n${program}`;
    return (await original([...argv.slice(0, index), guarded, path])) ?? resultOf(failed('awk: not here'));
  } finally {
    machine.files.remove(path);
  }
}

/**
 * The interpreter (3.4.2) takes a pattern that nothing matches apart at its spaces, also where those stand in quotes. None of
 * the product's scripts wants such a pattern as it stands.
 */
const patterns = 'shopt -s nullglob\n';

/** `sh -c SCRIPT [NAME ARGUMENTS…]` and `sh -s`, which reads its script from its input. */
async function runSh(argv: readonly string[], context: Context): Promise<Result> {
  if (argv[0] === '-c') {
    const [, script = '', , ...words] = argv;
    return run(context, `${patterns}set -- ${quoteCommand(words)}\n${script}`);
  }
  return run(context, patterns + Buffer.from(text(context.stdin), 'latin1').toString('utf8'), '');
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
  const process = machine.processes.begin({ detached: true });
  const live = async () => {
    const bash = await createBash(machine, process.pid);
    await bash.exec(quoteCommand(argv), { rawScript: true, cwd, ...(exportedEnv && { env: exportedEnv }) });
  };
  live()
    .catch(() => undefined)
    .finally(() => {
      machine.processes.end(process);
    });
  return done();
}

async function virsh(machine: Machine, argv: readonly string[]): Promise<Result> {
  let stdout = '';
  let stderr = '';
  const host: VirshHost = {
    world: machine.world,
    work: (milliseconds) => machine.work(milliseconds),
    meet: (command, vmUuid) => machine.faults.meetVirsh(command, vmUuid),
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
