/** Two VMs on one base, on a host of their own, and what is really there: read past Snaptree, from virsh and the images themselves. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { quoteArgument as quoted } from '../../electron/hosts/commands/quoting.ts';
import { SecludedHost } from '../testbeds/secluded-host.fixtures.ts';
import type { LibvirtVersion } from '../testbeds/places.ts';
import { clusterBytes, places, type Content } from './disk-model.fixtures.ts';

export interface ModelVmSpec {
  readonly name: string;
  readonly uuid: string;
  readonly targets: readonly string[];
}

/** Those that a sequence begins with. `vda` of both is an overlay on one base. */
export const vmSpecs: readonly ModelVmSpec[] = [
  { name: 'one', uuid: '11111111-1111-4111-8111-111111111111', targets: ['vda', 'vdb'] },
  { name: 'two', uuid: '22222222-2222-4222-8222-222222222222', targets: ['vda'] },
];
/** What the base holds in all places. */
export const baseByte = 0x0b;

/** What an image's own header says. */
export interface ImageFacts {
  readonly backing: string | null;
  readonly internalSnapshots: number;
}

export interface VmFacts {
  readonly state: string;
  /** The active layer of each disk. */
  readonly active: ReadonlyMap<string, string>;
  /** Name → parent. */
  readonly snapshots: ReadonlyMap<string, string | null>;
  readonly current: string | null;
}

/** An image as a whole, or one of its internal snapshots. */
export interface Reading {
  readonly image: string;
  readonly internal: string | null;
}

const virsh = 'virsh -c qemu:///system';

export class ModelHost {
  readonly secluded: SecludedHost;
  /** How large each of a disk's places is. */
  readonly placeBytes: number;
  /** Those that are there: clones as well. */
  vms: readonly ModelVmSpec[] = vmSpecs;
  readonly #contents = new Map<string, Content | null>();

  constructor(secluded: SecludedHost, placeBytes = clusterBytes) {
    this.secluded = secluded;
    this.placeBytes = placeBytes;
  }

  static async start(version: LibvirtVersion): Promise<ModelHost> {
    return new ModelHost(await SecludedHost.start(version));
  }

  stop(): Promise<void> {
    return this.secluded.stop();
  }

  /** Makes both VMs anew; whatever else was there is gone. */
  async furnish(): Promise<void> {
    const size = this.placeBytes * places;
    const { folder } = this.secluded;
    this.vms = vmSpecs;
    const define = vmSpecs.map((vm) => {
      const own = vm.targets.map((target) => {
        const image = `${folder}/${vm.name}-${target}.qcow2`;
        const backing = target === 'vda' ? `-F qcow2 -b ${folder}/base.qcow2` : '';
        return `qemu-img create -q -f qcow2 ${backing} ${image} ${size}`;
      });
      return [
        ...own,
        `cat >/run/${vm.name}.xml <<'END'\n${xmlOf(vm, folder)}\nEND`,
        `${virsh} define /run/${vm.name}.xml`,
      ];
    });
    await this.secluded.sh(
      [
        'exec 2>&1',
        `for vm in $(${virsh} list --all --uuid); do`,
        `  ${virsh} destroy $vm; ${virsh} undefine $vm --snapshots-metadata --managed-save`,
        'done',
        `rm -rf ${folder}/* /run/check /var/tmp/snaptree-*.lock`,
        `mkdir -p ${folder} /run/check`,
        'set -e',
        `qemu-img create -q -f qcow2 ${folder}/base.qcow2 ${size}`,
        `qemu-io -c 'write -q -P ${baseByte} 0 ${size}' ${folder}/base.qcow2`,
        ...define.flat(),
      ].join('\n'),
    );
  }

  /** Writes to a disk as its guest would, down to storage. */
  async write(
    vm: ModelVmSpec,
    { state, active }: VmFacts,
    target: string,
    at: readonly number[],
    byte: number,
  ): Promise<void> {
    const commands = at.map((place) => `write -P ${byte} ${place * this.placeBytes} ${this.placeBytes}`);
    if (state === 'shut off') {
      const words = commands.map((command) => `-c ${quoted(command)}`).join(' ');
      await this.secluded.sh(`qemu-io -f qcow2 ${words} ${quoted(active.get(target) ?? '')} >/dev/null`);
    } else await this.#inQemu(vm, target, [...commands, 'flush']);
  }

  async setState(vm: ModelVmSpec, { state }: VmFacts, wanted: 'running' | 'shut off'): Promise<void> {
    if (state === wanted) return;
    // Never from memory that was saved: that names the images of then, and its user is to look first.
    const begin = state === 'paused' ? 'resume' : 'start --force-boot';
    await this.secluded.sh(`${virsh} ${wanted === 'shut off' ? 'destroy' : begin} ${vm.uuid} >/dev/null`);
  }

  /** What QEMU holds back goes to storage, so that images can be read beside it. */
  async flush(vm: ModelVmSpec, { state }: VmFacts): Promise<void> {
    if (state !== 'shut off') for (const target of vm.targets) await this.#inQemu(vm, target, ['flush']);
  }

  async #inQemu(vm: ModelVmSpec, target: string, commands: readonly string[]): Promise<void> {
    const device = `/machine/peripheral/ua-${target}/virtio-backend`;
    const lines = commands.map((command) => {
      const line = quoted(`qemu-io -d ${device} "${command}"`);
      return `${virsh} qemu-monitor-command ${vm.uuid} --hmp ${line}`;
    });
    const printed = await this.secluded.sh(lines.join('\n'));
    if (printed.includes('Error')) throw new Error(`QEMU of ${vm.name} refused to write: ${printed}`);
  }

  /** What libvirt says of the VMs, by UUID. One that it does not know is none of them any more. */
  async facts(): Promise<ReadonlyMap<string, VmFacts>> {
    const asked = this.vms.map(({ uuid }) =>
      [
        ...[`domstate ${uuid}`, 'echo @', `domblklist ${uuid}`, 'echo @', `snapshot-list ${uuid} --parent`, 'echo @'],
        // Where there is none, this fails; virsh goes on.
        ...[`snapshot-current ${uuid} --name`, 'echo @@'],
      ].join('; '),
    );
    const printed = await this.secluded.sh(`${virsh} ${quoted(asked.join('; '))} 2>/dev/null; :`);
    const answers = printed.split(/^@@\n/m);
    const found = new Map(this.vms.map(({ uuid }, index) => [uuid, factsIn(answers[index] ?? '')]));
    this.vms = this.vms.filter(({ uuid }) => found.get(uuid)?.state !== '');
    return new Map([...found].filter(([, { state }]) => state !== ''));
  }

  /** Every image in the folder, by its path on the host. */
  imageFacts(): ReadonlyMap<string, ImageFacts> {
    const { folder } = this.secluded;
    const names = readdirSync(this.secluded.outside(folder)).filter((name) => name.endsWith('.qcow2'));
    return new Map(
      names.sort().flatMap((name) => {
        const path = `${folder}/${name}`;
        const bytes = readFileSync(this.secluded.outside(path));
        return bytes.length < shortestHeaderBytes ? [] : [[path, headerOf(bytes)] as const];
      }),
    );
  }

  fileExists(path: string): boolean {
    return existsSync(this.secluded.outside(path));
  }

  /**
   * What is read through these images, by QEMU's own tool; null where a place is not filled by one byte, or cannot be read. What no
   * image of a chain was written to since is known from before.
   */
  async contents(readings: readonly Reading[]): Promise<readonly (Content | null)[]> {
    const images = this.imageFacts();
    const keys = readings.map((reading) => this.#keyOf(reading, images));
    const known = new Map(this.#contents);
    this.#contents.clear();
    const open = new Map<string, Reading>();
    for (const [index, reading] of readings.entries()) {
      const key = keys[index] ?? '';
      const before = known.get(key);
      if (before === undefined) open.set(key, reading);
      else this.#contents.set(key, before);
    }
    const jobs = [...open.values()].map(({ image, internal }, index) => {
      const which = internal === null ? '' : `-l ${quoted(`snapshot.name=${internal}`)}`;
      return `qemu-img convert -U -f qcow2 ${which} -O raw ${quoted(image)} /run/check/${index}.raw`;
    });
    if (jobs.length > 0) await this.secluded.sh(['exec 2>/dev/null', 'rm -f /run/check/*', ...jobs, ':'].join('\n'));
    for (const [index, key] of [...open.keys()].entries()) {
      const file = this.secluded.outside(`/run/check/${index}.raw`);
      this.#contents.set(key, existsSync(file) ? contentOf(readFileSync(file), this.placeBytes) : null);
    }
    return keys.map((key) => this.#contents.get(key) ?? null);
  }

  #keyOf({ image, internal }: Reading, images: ReadonlyMap<string, ImageFacts>): string {
    const times = chainBelow(image, images).map((path) => {
      const { mtimeNs, size, ino } = statSync(this.secluded.outside(path), { bigint: true });
      return [path, mtimeNs, size, ino].join(' ');
    });
    return [internal ?? '', ...times].join('\n');
  }

  /** Ends what a step of Snaptree runs on the host, its shell as well. Gives whether there was anything. */
  async killStep(): Promise<boolean> {
    const printed = await this.secluded.sh(`
for file in /run/home/.local/state/snaptree/operations/*/*/process; do
  [ -e "\${file%/*}/exit" ] && continue
  read -r pid rest <"$file" 2>/dev/null || continue
  case $pid in *[!0-9]* | '') continue ;; esac
  kill -9 -- "-$pid" 2>/dev/null && echo killed
done
:`);
    return printed.includes('killed');
  }

  async killQemu(vm: ModelVmSpec): Promise<void> {
    await this.secluded.sh(`pkill -9 -f -- '-uuid ${vm.uuid}' || :`);
    for (let tries = 0; tries < 50 && (await this.facts()).get(vm.uuid)?.state === 'running'; tries += 1)
      await delay(20);
  }

  async restartLibvirtd(): Promise<void> {
    await this.secluded.sh(
      `pkill -9 -x libvirtd; rm -f /run/libvirtd.pid; sleep 0.1; libvirtd -d; until ${virsh} uri >/dev/null 2>&1; do sleep 0.05; done`,
    );
  }
}

/** The chain below an image by what the images themselves record, the image first. */
export function chainBelow(image: string, images: ReadonlyMap<string, ImageFacts>): readonly string[] {
  const chain: string[] = [];
  for (let next: string | null = image; next !== null && images.has(next) && !chain.includes(next);) {
    chain.push(next);
    next = images.get(next)?.backing ?? null;
  }
  return chain;
}

/** What virsh printed of one VM. */
function factsIn(printed: string): VmFacts {
  const [state = '', disks = '', snapshots = '', current = ''] = printed.split(/^@\n/m);
  const rows = (table: string) =>
    table
      .split('\n')
      .map((line) => line.trim().split(/ +/))
      .filter((row) => row.length > 1)
      .slice(1);
  return {
    state: state.trim(),
    active: new Map(rows(disks).map(([target = '', source = '']) => [target, source])),
    // Name, date, time, zone, state, parent.
    snapshots: new Map(rows(snapshots).map(([name = '', , , , , parent]) => [name, parent ?? null])),
    current: current.trim() || null,
  };
}

function xmlOf({ name, uuid, targets }: ModelVmSpec, folder: string): string {
  const disks = targets.map(
    (target) =>
      `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${folder}/${name}-${target}.qcow2'/><target dev='${target}' bus='virtio'/><alias name='ua-${target}'/></disk>`,
  );
  return `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${disks.join('')}<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>`;
}

/** What is shorter was being made when its file system became full: it is no image yet, and nothing hangs on it. */
const shortestHeaderBytes = 72;

/** By QEMU's docs/interop/qcow2.txt. */
function headerOf(bytes: Buffer): ImageFacts {
  if (bytes.readUInt32BE(0) !== 0x514649fb) throw new Error('An image is no qcow2.');
  const at = Number(bytes.readBigUInt64BE(8));
  const length = bytes.readUInt32BE(16);
  return {
    backing: at === 0 ? null : bytes.subarray(at, at + length).toString(),
    internalSnapshots: bytes.readUInt32BE(60),
  };
}

function contentOf(bytes: Buffer, placeBytes: number): Content | null {
  const found = Array.from({ length: places }, (_, place) => {
    const part = bytes.subarray(place * placeBytes, (place + 1) * placeBytes);
    const [first = 0] = part;
    return part.length === placeBytes && part.equals(Buffer.alloc(placeBytes, first)) ? first : -1;
  });
  return found.includes(-1) ? null : found;
}
