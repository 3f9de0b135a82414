/**
 * A host that all kinds of things go wrong on: a secluded libvirt, reached by SSH, on which commands can be held at a chosen moment, file
 * systems be full, QEMU be kept from its images and the clock be wrong.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelHost } from '../model/model-host.fixtures.ts';
import { connection, startSshServer, type SshServer, type TestbedConnection } from '../testbeds/index.ts';
import type { LibvirtVersion } from '../testbeds/places.ts';
import { SecludedHost } from '../testbeds/secluded-host.fixtures.ts';
import { folder, vmUuid } from './scenes.fixtures.ts';

/** What changes something on a host, of what virsh and qemu-img can do. */
const changing = [
  'blockcommit|blockpull|define|destroy|managedsave|managedsave-remove|restore|resume|save|shutdown',
  'snapshot-create|snapshot-create-as|snapshot-delete|snapshot-revert|start|suspend|undefine',
].join('|');

/** Stands before a command that steps use: it can be held before and after it changes something, once each time. */
function heldCommand(name: string, isChanging: string, more = ''): string {
  return `#!/bin/sh
hold() { mv "/run/point/$1" /run/point/held 2>/dev/null || return 0; while [ -e /run/point/held ]; do sleep 0.02; done; }
changes=no
if [ -n "\${SNAPTREE_STEP:-}" ]; then case ${isChanging}) changes=yes ;; esac; fi
[ "$changes" = no ] || hold begun
${more}
/usr/bin/${name} "$@"
code=$?
[ "$changes" = no ] || hold effected
exit "$code"
`;
}

const tools: Readonly<Record<string, string>> = {
  virsh: heldCommand(
    'virsh',
    `"\${3:-}" in ${changing}`,
    // So that there is a middle of a merge whose speed nobody chooses.
    'case "${3:-} $*" in *--bandwidth*) ;; blockcommit*|blockpull*) [ ! -e /run/point/slow ] || set -- "$@" --bandwidth=1 ;; esac',
  ),
  'qemu-img': heldCommand(
    'qemu-img',
    '"${1:-}" in commit|convert|create|rebase',
    // So that there is a middle of it. Of its commands only commit has a limit; another stands still when it has begun.
    `if [ "$1" = commit ] && [ -e /run/point/slow ]; then shift; set -- commit -r 4194304 "$@"; fi
if [ "$1" = rebase ] || [ "$1" = convert ]; then
  if [ -e /run/point/slow ]; then
    /usr/bin/qemu-img "$@" &
    worker=$!
    sleep 0.03
    kill -STOP "$worker"
    (while [ -e /run/point/slow ]; do sleep 0.02; done; kill -CONT "$worker") 2>/dev/null &
    wait "$worker"
    exit
  fi
fi`,
  ),
  // A clock that jumped, for whoever asks it on the host.
  date: `#!/bin/sh
[ -e /run/point/clock ] || exec /usr/bin/date "$@"
read -r shift </run/point/clock
[ "$*" != +%s ] || { echo $(($(/usr/bin/date +%s) + shift)); exit; }
exec /usr/bin/date -d "@$(($(/usr/bin/date +%s) + shift))" "$@"
`,
};

/** Reached by SSH, whatever host is behind it just then. */
export class FaultServer {
  readonly version: LibvirtVersion;
  readonly ssh: SshServer;
  readonly connection: TestbedConnection;
  readonly folder: string;

  private constructor(version: LibvirtVersion, ssh: SshServer, known: TestbedConnection, own: string) {
    this.version = version;
    this.ssh = ssh;
    this.connection = known;
    this.folder = own;
  }

  /** Needs root, and a testbed with that version that is up. */
  static async start(version: LibvirtVersion): Promise<FaultServer> {
    const own = mkdtempSync(join(tmpdir(), 'snaptree-faults-'));
    const entrance = join(own, 'enter');
    const environment =
      'PATH=/run/tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/home LC_ALL=C TZ=UTC';
    writeFileSync(
      entrance,
      `#!/bin/sh
cd /
while [ -e ${own}/hold ]; do sleep 0.02; done
exec nsenter --target="$(cat ${own}/pid)" --mount --pid --root /usr/bin/env -i --chdir=/ ${environment} /bin/sh -c "$SSH_ORIGINAL_COMMAND"
`,
    );
    chmodSync(entrance, 0o755);
    const ssh = await startSshServer({
      name: `faults-${version.replace('.', '-')}-${process.pid}`,
      forceCommand: entrance,
    });
    return new FaultServer(version, ssh, await connection(), own);
  }

  async stop(): Promise<void> {
    await this.ssh.stop();
    rmSync(this.folder, { recursive: true });
  }

  /** Commands that arrive on the host wait from now on, as long as this file is there. */
  get holdFile(): string {
    return join(this.folder, 'hold');
  }
}

/** How the file systems of a host were before they were full, and are again. */
interface Room {
  readonly mount: string;
  readonly size: string;
}

const own: readonly Room[] = [{ mount: folder, size: '1g' }];
const every: readonly Room[] = [
  ...own,
  { mount: '/run', size: '1g' },
  ...['/etc/libvirt', '/var/lib/libvirt', '/var/log/libvirt', '/var/tmp', '/tmp'].map((mount) => ({
    mount,
    size: '1g',
  })),
];

export class FaultHost extends ModelHost {
  static async startOn(server: FaultServer, placeBytes: number): Promise<FaultHost> {
    const host = new FaultHost(await SecludedHost.start(server.version), placeBytes);
    for (const path of ['/run/tools', '/run/point', folder])
      mkdirSync(host.secluded.outside(path), { recursive: true });
    for (const [name, text] of Object.entries(tools))
      writeFileSync(host.secluded.outside(`/run/tools/${name}`), text, { mode: 0o755 });
    writeFileSync(join(server.folder, 'pid'), String(host.secluded.pid));
    await host.secluded.sh(`mount -t tmpfs -o size=1g,mode=755 tmpfs ${folder}`);
    return host;
  }

  /** A file that says something to the tools above. */
  sign(name: string): string {
    return this.secluded.outside(`/run/point/${name}`);
  }

  /** Whether a command waits there. */
  get isHeld(): boolean {
    return existsSync(this.sign('held'));
  }

  /** What was held goes on, and nothing is held any more. */
  release(): void {
    for (const name of ['begun', 'effected', 'held', 'slow']) rmSync(this.sign(name), { force: true });
  }

  get isLocked(): boolean {
    return existsSync(this.secluded.outside(`/var/tmp/snaptree-${vmUuid}.lock`));
  }

  /** Nothing more can be written to them. */
  async fill(which: 'storage' | 'all'): Promise<void> {
    // Without any blocks in use: a size of 0 would be none at all.
    const lines = (which === 'all' ? every : own).map(
      ({ mount }) => `used=$(df -k --output=used ${mount} | tail -n 1)
mount -o "remount,size=$((used > 4 ? used : 4))k" ${mount}`,
    );
    await this.secluded.sh(lines.join('\n'));
  }

  async makeRoom(): Promise<void> {
    await this.secluded.sh(every.map(({ mount, size }) => `mount -o remount,size=${size} ${mount}`).join('\n'));
  }

  /** QEMU runs as root without its powers, so that modes hold for it; for those who administer the host they do not. */
  setDenied(isDenied: boolean): void {
    chmodSync(this.secluded.outside(folder), isDenied ? 0o000 : 0o755);
  }

  setClock(seconds: number): void {
    if (seconds === 0) rmSync(this.sign('clock'), { force: true });
    else writeFileSync(this.sign('clock'), String(seconds));
  }

  /** Ends every qemu-img that runs, and gives whether one did. */
  async killCopiers(): Promise<boolean> {
    return (await this.secluded.sh('pkill -9 -x qemu-img && echo killed; :')).includes('killed');
  }

  /** What operations have left on the host, by their paths. */
  leftovers(): readonly string[] {
    const jobs = '/run/home/.local/state/snaptree/operations';
    const list = (path: string) => {
      const outside = this.secluded.outside(path);
      return existsSync(outside) ? readdirSync(outside).map((name) => `${path}/${name}`) : [];
    };
    return [...list(jobs), ...list('/var/tmp').filter((path) => path.includes('snaptree'))];
  }

  virsh(line: string): Promise<string> {
    return this.secluded.sh(`virsh -q -c qemu:///system ${line}`);
  }

  /** Of the block job of a disk that runs: how much of it is done; null where there is none. */
  async copied(target: string): Promise<number | null> {
    const text = await this.secluded.sh(
      `virsh -c qemu:///system blockjob ${vmUuid} ${target} --info --raw 2>/dev/null || :`,
    );
    return text.trim() === '' ? null : Number(/^ *cur=(\d+)$/m.exec(text)?.[1] ?? '0');
  }

  async isCopying(): Promise<boolean> {
    return (await this.secluded.sh("pgrep -f '^/usr/bin/qemu-img (commit|convert|rebase) ' || :")).trim() !== '';
  }
}
