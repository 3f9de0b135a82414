/** The command virsh of a simulated host. */
import { LibvirtError } from './model.ts';
import { has, type Command, type VirshHost, type VirshOutput } from './virsh-call.ts';
import { parseCommand, splitLine, type ParsedCommand } from './virsh-parser.ts';
import { agentCommands } from './virsh-agent.ts';
import { blockJobCommands } from './virsh-block-jobs.ts';
import { settle } from './block-jobs.ts';
import { endShutDown } from './lifecycle.ts';
import { poolCommands } from './virsh-pools.ts';
import { definitionCommands } from './virsh-definitions.ts';
import { savedStateCommands } from './virsh-saved-state.ts';
import { snapshotCommands } from './virsh-snapshots.ts';
import { vmCommands } from './virsh-vms.ts';

const version = '9.0.0';
const emulator = '7.2.22';

/** Runs virsh. Gives its exit code. */
export async function runVirsh(host: VirshHost, argv: readonly string[], { out, error }: VirshOutput): Promise<number> {
  const { quiet, rest, uri } = globalOptions(argv);
  const fail = (thrown: unknown): number => {
    if (!(thrown instanceof LibvirtError)) throw thrown;
    for (const line of thrown.lines) error(line === '' ? '\n' : `error: ${line}\n`);
    return 1;
  };
  if (uri !== null && uri !== 'qemu:///system') {
    error('error: failed to connect to the hypervisor\n');
    error(`error: ${connectionFailure(uri)}\n`);
    return 1;
  }
  const parsed: ParsedCommand[] = [];
  try {
    const [only] = rest;
    const lines = rest.length === 1 && only !== undefined ? splitLine(only) : [rest];
    // A line that cannot be read is refused as a whole.
    for (const words of lines) parsed.push(parseCommand(words, commands));
  } catch (thrown) {
    return fail(thrown);
  }
  let code = 0;
  for (const command of parsed) {
    try {
      const vm = command.values.get('domain')?.[0] ?? null;
      settle(host.world);
      endShutDown(host.world);
      if (await host.meet(command.name, vm)) throw new LibvirtError(`failed to get domain '${vm ?? ''}'`);
      await commands
        .get(command.name)
        ?.run({ host, command, quiet, print: out, remark: quiet ? () => undefined : out });
      code = 0;
    } catch (thrown) {
      code = fail(thrown);
    }
  }
  return code;
}

/** Why a URI other than that of the system's libvirt leads nowhere. */
function connectionFailure(uri: string): string {
  if (/[^\w.~:/?#[\]@!$&()*+,;=%-]/.test(uri) || !uri.includes(':'))
    return `internal error: Unable to parse URI ${uri}`;
  const socket = /^qemu\+unix:.*[?&]socket=([^&#]*)/.exec(uri)?.[1];
  if (socket !== undefined) return `Failed to connect socket to '${socket}': No such file or directory`;
  return `no connection driver available for ${uri}`;
}

function globalOptions(argv: readonly string[]): { quiet: boolean; rest: readonly string[]; uri: string | null } {
  let quiet = false;
  let uri: string | null = null;
  let index = 0;
  for (; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '-q' || word === '--quiet') quiet = true;
    else if (word === '-c' || word === '--connect') uri = argv[(index += 1)] ?? null;
    else if (word.startsWith('--connect=')) uri = word.slice('--connect='.length);
    else if (word === '-r' || word === '--readonly') continue;
    else if (word === '--version' || word === '-v') return { quiet, rest: ['--version'], uri };
    else break;
  }
  return { quiet, rest: argv.slice(index), uri };
}

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    '--version',
    {
      positional: [],
      run: ({ print }) => {
        print(`${version}\n`);
      },
    },
  ],
  [
    'uri',
    {
      positional: [],
      run: ({ print }) => {
        print('qemu:///system\n');
      },
    },
  ],
  [
    'echo',
    {
      positional: ['string'],
      values: ['err', 'prefix'],
      flags: ['shell', 'xml', 'split'],
      run: ({ command, print, remark }) => {
        print((command.values.get('string') ?? []).join(' '));
        remark('\n');
      },
    },
  ],
  [
    'version',
    {
      positional: [],
      flags: ['daemon'],
      run: ({ command, print, remark }) => {
        print(`Compiled against library: libvirt ${version}\nUsing library: libvirt ${version}\n`);
        print(`Using API: QEMU ${version}\nRunning hypervisor: QEMU ${emulator}\n`);
        if (has(command, 'daemon')) print(`Running against daemon: ${version}\n`);
        remark('\n');
      },
    },
  ],
  [
    'domcapabilities',
    {
      positional: [],
      values: ['virttype', 'emulatorbin', 'arch', 'machine'],
      run: ({ print }) => {
        print(
          "<domainCapabilities>\n  <path>/usr/bin/qemu-system-x86_64</path>\n  <domain>kvm</domain>\n  <machine>pc-q35-7.2</machine>\n  <arch>x86_64</arch>\n  <features>\n    <gic supported='no'/>\n    <vmcoreinfo supported='yes'/>\n    <genid supported='yes'/>\n    <backingStoreInput supported='yes'/>\n    <backup supported='yes'/>\n    <async-teardown supported='no'/>\n  </features>\n</domainCapabilities>\n",
        );
      },
    },
  ],
  ...vmCommands,
  ...agentCommands,
  ...blockJobCommands,
  ...definitionCommands,
  ...savedStateCommands,
  ...snapshotCommands,
  ...poolCommands,
]);
