/**
 * Snaptree against libvirt's own remote protocol (`qemu+ssh://`, one round trip an object, as virt-manager uses it), on a real
 * libvirtd with VMs that are made for it and removed afterwards. Needs the testbed's libvirtd, and Debian's python3-libvirt.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientResult } from './client.ts';

const vms = 100;
const snapshots = 20;
/** So many VMs are read with the delay, and the rest is reckoned from them: all of them would take minutes. */
const sample = 4;
const script = new URL('libvirtd.py', import.meta.url).pathname;
/** The system's own: others do not see Debian's packages. */
const python = '/usr/bin/python3';

export interface LibvirtdBenchmark {
  /** Where the images are put: a folder of which libvirt may use files. */
  readonly imagesFolder: string;
  /** Ports of an SSH server of this computer, with and without the delay. */
  readonly ports: { readonly delayed: number; readonly direct: number };
  readonly keyFile: string;
  readonly knownHosts: string;
  readonly say: (text: string) => void;
  /** Reads `qemu:///system` with Snaptree over the port. */
  readonly readWithSnaptree: (port: number) => Promise<ClientResult>;
}

interface Reading {
  readonly ms: number;
  readonly vms: number;
  readonly snapshots: number;
}

/** Why it cannot be run here; null where it can. */
function obstacle(): string | null {
  if (spawnSync(python, ['-c', 'import libvirt']).status !== 0) return 'the Debian package python3-libvirt is missing';
  const answers = spawnSync('virsh', ['-c', 'qemu:///system', 'uri']).status === 0;
  return answers ? null : 'no libvirtd answers: npm run testbed -- up libvirt';
}

function run(...parameters: readonly string[]): string {
  return execFileSync(python, [script, ...parameters], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

export async function compareWithLibvirtd(benchmark: LibvirtdBenchmark): Promise<void> {
  const { imagesFolder, ports, keyFile, knownHosts, say, readWithSnaptree } = benchmark;
  const reason = obstacle();
  if (reason !== null) {
    say(`NOT compared with libvirt's remote protocol and a real libvirtd: ${reason}`);
    return;
  }
  const folder = join(imagesFolder, 'snaptree-bench');
  mkdirSync(folder, { recursive: true });
  try {
    run('remove', 'qemu:///system');
    run('make', 'qemu:///system', folder, String(vms), String(snapshots));
    const read = (uri: string, count: number): Reading => JSON.parse(run('read', uri, String(count))) as Reading;
    const remote = (port: number): string =>
      `qemu+ssh://root@127.0.0.1:${port}/system?keyfile=${keyFile}&known_hosts=${knownHosts}&no_tty=1&no_verify=1`;

    const ours = { direct: await readWithSnaptree(ports.direct), delayed: await readWithSnaptree(ports.delayed) };
    const local = read('qemu:///system', 0);
    const whole = read(remote(ports.direct), 0);
    const few = read(remote(ports.delayed), sample);
    for (const reading of [local, whole, few]) {
      if (reading.snapshots !== reading.vms * snapshots)
        throw new Error(`inventory: read ${reading.snapshots} snapshots`);
    }
    if (whole.vms !== vms || ours.direct.vms < vms || ours.direct.snapshots < vms * snapshots) {
      throw new Error(`inventory: read ${whole.vms} VMs, and ${ours.direct.vms} with Snaptree`);
    }
    const reckoned = (few.ms / few.vms) * vms;
    say(
      `a real libvirtd with ${vms} defined VMs × ${snapshots} snapshots: Snaptree ${seconds(ours.direct.readMs)} (libvirt's part ${seconds(ours.direct.libvirtMs)}), libvirt's own client on the host ${seconds(local.ms)}, over qemu+ssh ${seconds(whole.ms)}`,
    );
    say(
      `${(whole.ms / ours.direct.libvirtMs).toFixed(1)} times as fast as qemu+ssh without a delay, in ${ours.direct.readRoundTrips} round trips; ${(whole.ms / ours.direct.readMs).toFixed(1)} times with the images, which qemu+ssh does not examine`,
    );
    say(
      `${(reckoned / ours.delayed.readMs).toFixed(1)} times as fast as qemu+ssh with the added round trip: ${seconds(ours.delayed.readMs)} against ${seconds(reckoned)}, reckoned from ${few.vms} VMs`,
    );
  } finally {
    run('remove', 'qemu:///system');
    rmSync(folder, { recursive: true });
  }
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
