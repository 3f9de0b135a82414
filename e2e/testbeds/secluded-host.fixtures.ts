/**
 * A libvirt of its own on this machine, for a test that needs a host with nothing else on it: daemons in namespaces of mounts and
 * processes of their own, with files in memory. It is reached as a host is, but for the network: scripts of the real runner.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalTransport } from '../../electron/hosts/commands/local-transport.ts';
import { quoteCommand } from '../../electron/hosts/commands/quoting.ts';
import { connectionLost } from '../../electron/hosts/commands/transport-errors.ts';
import type { Transport } from '../../electron/hosts/commands/transport.ts';
import { createListeners } from '../../electron/base/listeners.ts';
import type { SnaptreeError } from '../../shared/errors.ts';
import { chrootEnvironment, placeOf, type LibvirtVersion } from './places.ts';
import { run, waitUntil } from './run.ts';

/** Settings of the daemons, such as /etc/libvirt has them where the testbed is up, without the machine's own VMs. */
const beginning = `
set -e
mount -t proc proc /proc
kept=$(mktemp -d)
cp -a /etc/libvirt "$kept/settings"
cp -a /var/cache/libvirt "$kept/cache"
mount -t tmpfs -o size=1g,mode=755 tmpfs /run
for folder in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
  mkdir -p "$folder"
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
cp -a "$kept/settings/." /etc/libvirt
# What QEMU can do, which takes long to find out.
cp -a "$kept/cache/." /var/cache/libvirt
rm -rf "$kept" /etc/libvirt/qemu
for folder in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$folder"; done
mkdir -p /run/home /run/libvirt /run/images /var/log/libvirt/qemu
virtlogd -d
libvirtd -d
until virsh -c qemu:///system uri >/dev/null 2>&1; do sleep 0.05; done
echo ready
# The first process inherits all that have lost their parent, and must take note of their ends: libvirt waits until they are gone. All
# of it ends with whoever started it.
exec 3<&0
cat <&3 >/dev/null &
wait $!
`;

const environment = { ...chrootEnvironment, HOME: '/run/home', LC_ALL: 'C', TZ: 'UTC' };

export class SecludedHost {
  readonly #init: ChildProcess;
  /** Of its first process, as the machine counts. */
  readonly pid: number;
  readonly #transports = new Set<ReturnType<typeof cuttable>>();
  /** For images, on the host. */
  readonly folder = '/run/images';

  private constructor(init: ChildProcess, pid: number) {
    this.#init = init;
    this.pid = pid;
  }

  /** Starts one. Needs root, and a testbed with that version that is up. */
  static async start(version: LibvirtVersion): Promise<SecludedHost> {
    const { root } = placeOf(version);
    const inRoot = root === '' ? [] : ['chroot', root];
    const words = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', ...inRoot];
    const init = spawn('unshare', [...words, '/bin/sh', '-c', beginning], {
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [init.stdout, init.stderr]) stream.on('data', (data: Buffer) => (printed += data.toString()));
    await waitUntil('the secluded libvirt to answer', () => {
      if (init.exitCode !== null) throw new Error(`The secluded libvirt did not start: ${printed}`);
      return printed.includes('ready\n');
    });
    const children = readFileSync(`/proc/${init.pid ?? 0}/task/${init.pid ?? 0}/children`, 'utf8');
    return new SecludedHost(init, Number(children.trim()));
  }

  /** Everything on it ends with it, and its files are gone. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#init.once('exit', resolve));
    this.#init.kill('SIGKILL');
    await ended;
  }

  /** Where a file of it is to be found from outside. */
  outside(path: string): string {
    return join(`/proc/${this.pid}/root`, path);
  }

  /** Runs a shell script on it, as root. Rejects with what it printed where it fails. */
  async sh(script: string): Promise<string> {
    const [program = '', ...words] = this.#enter();
    return (await run(program, [...words, '/bin/sh', '-s'], { input: `cd /\n${script}`, environment })).stdout;
  }

  /** A connection to it. */
  connect(hostName: string): Transport {
    const enter = quoteCommand([...this.#enter(), '/usr/bin/env', '-i', '--chdir=/', ...assignments, '/bin/sh', '-c']);
    const transport = cuttable(hostName, (line) => `exec ${enter} ${quoteCommand([line])}`);
    this.#transports.add(transport);
    return transport;
  }

  /** Cuts all connections; what they have begun goes on. */
  cutConnections(): void {
    for (const transport of this.#transports) transport.cut();
    this.#transports.clear();
  }

  #enter(): readonly string[] {
    return ['nsenter', `--target=${this.pid}`, '--mount', '--pid', '--root'];
  }
}

const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);

function cuttable(hostName: string, commandLineFor: (line: string) => string): Transport & { cut(): void } {
  const here = createLocalTransport(hostName);
  const closed = createListeners<[SnaptreeError | null]>();
  here.onClose((reason) => {
    closed.call(cutReason ?? reason);
  });
  let cutReason: SnaptreeError | null = null;
  return {
    get isOpen() {
      return here.isOpen;
    },
    exec: (request) => here.exec({ ...request, commandLine: commandLineFor(request.commandLine) }),
    close: () => {
      here.close();
    },
    onClose: (listener) => closed.add(listener),
    cut() {
      cutReason = connectionLost(hostName, 'it was cut by a test');
      here.close();
    },
  };
}
