/**
 * What is done to a VM step by step, on a real host and on the simulated one, and what comes of it: what virsh says, what
 * data is on the disks, and what Snaptree reads. Both must give the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Inventory } from '../../shared/model/inventory.ts';
import { imagesById, imagesOfVm, reachedFrom } from '../../shared/rules/chains/chains.ts';

export interface ScenarioVm {
  readonly uuid: string;
  readonly folder: string;
}

export interface ScenarioHost {
  createVirtualMachine(spec: {
    readonly name: string;
    readonly running: boolean;
    readonly disks: readonly { readonly target: string; readonly format?: 'qcow2' | 'raw' }[];
  }): Promise<ScenarioVm>;
  deleteVirtualMachine(vm: ScenarioVm): Promise<void>;
  virsh(
    argv: readonly string[],
  ): Promise<{ readonly stdout: string; readonly stderr: string; readonly exitCode: number | null }>;
  qemuImg(argv: readonly string[]): Promise<{ readonly stderr: string; readonly exitCode: number | null }>;
  write(vm: ScenarioVm, target: string, byte: number, offset: number): Promise<void>;
  holds(vm: ScenarioVm, target: string, byte: number, offset: number): Promise<boolean>;
  removeFile(path: string): Promise<void>;
  putFile(path: string, text: string): Promise<void>;
  read(): Promise<Inventory>;
}

export interface Scenario {
  readonly title: string;
  readonly running: boolean;
  readonly disks?: readonly { readonly target: string; readonly format?: 'qcow2' | 'raw' }[];
  /**
   * Lines of words: `virsh` and `qemu-img` with arguments (UUID and FOLDER stand for the VM's), `write TARGET BYTE MIB`,
   * `holds TARGET BYTE MIB`, `remove PATH`, `put PATH TEXT`, `keep PATH` with a command of virsh whose output goes there, and
   * `job` with what begins a block job on vda: it is waited for, and pivoted.
   */
  readonly steps: readonly (readonly string[])[];
}

/** What one step left. */
export interface Outcome {
  readonly step: string;
  readonly result: string;
  /** `as before` where nothing of it changed. */
  readonly vm: unknown;
}

const create = (name: string, ...more: string[]) => ['virsh', 'snapshot-create-as', 'UUID', `--name=${name}`, ...more];
const external = (name: string, ...more: string[]) => create(name, '--disk-only', '--atomic', ...more);
const checkpoint = (name: string, file = `${name}.memory`) =>
  create(name, '--memspec', `file=FOLDER/${file},snapshot=external`);
const revert = (name: string, ...more: string[]) => [
  'virsh',
  'snapshot-revert',
  'UUID',
  `--snapshotname=${name}`,
  ...more,
];
const remove = (name: string, ...more: string[]) => [
  'virsh',
  'snapshot-delete',
  'UUID',
  `--snapshotname=${name}`,
  ...more,
];
const virsh = (...words: string[]) => ['virsh', ...words];
const write = (target: string, byte: number, mebibyte = 0) => ['write', target, String(byte), String(mebibyte)];
const holds = (target: string, byte: number, mebibyte = 0) => ['holds', target, String(byte), String(mebibyte)];

export const scenarios: readonly Scenario[] = [
  {
    title: 'internal snapshots of a running VM',
    running: true,
    steps: [
      write('vdb', 1),
      create('a', '--description=the <first> & "best"'),
      write('vdb', 2),
      create('b'),
      write('vdb', 3),
      revert('a'),
      holds('vdb', 1),
      create('c'),
      create('c'),
      revert('b'),
      holds('vdb', 2),
      remove('a', '--children-only'),
      remove('a'),
      holds('vdb', 2),
      remove('nope'),
      revert('nope'),
    ],
  },
  {
    title: 'internal snapshots of a VM that is shut off',
    running: false,
    steps: [
      write('vda', 1, 1),
      create('first'),
      write('vda', 2, 1),
      create('1'),
      write('vda', 3, 1),
      // qcow2 looks for an id first.
      revert('1'),
      holds('vda', 1, 1),
      create('a/b'),
      create('.hidden'),
      create(''),
      revert('first', '--running'),
      revert('first'),
      revert('first', '--paused'),
      remove('first'),
      virsh('destroy', 'UUID'),
      remove('1', '--metadata'),
    ],
  },
  {
    title: 'external snapshots of a running VM',
    running: true,
    steps: [
      write('vda', 1, 1),
      external('s1'),
      write('vda', 2, 2),
      external('s2'),
      write('vda', 3, 3),
      external('s3', '--diskspec', 'vdb,snapshot=no'),
      write('vda', 4, 4),
      external('s4'),
      revert('s2'),
      remove('s1', '--children'),
      remove('s1', '--children-only'),
      remove('s4'),
      holds('vda', 4, 4),
      remove('s2'),
      remove('s1'),
      holds('vda', 1, 1),
      holds('vda', 2, 2),
      remove('s3'),
      holds('vda', 3, 3),
    ],
  },
  {
    title: 'external snapshots of a VM that is shut off',
    running: false,
    steps: [
      write('vda', 1, 1),
      external('s1'),
      write('vda', 2, 2),
      external('s2'),
      external('s3'),
      revert('s1'),
      remove('s2'),
      holds('vda', 2, 2),
      remove('s3'),
      remove('s1', '--children', '--metadata'),
    ],
  },
  {
    title: 'what an external snapshot refuses',
    running: true,
    steps: [
      external('x', '--diskspec', 'vda,snapshot=external,file=FOLDER/vda.qcow2'),
      external('x', '--diskspec', 'vda,snapshot=external,file=/nonexistent/x.qcow2'),
      external('x', '--diskspec', 'vdz,snapshot=no'),
      external('x', '--diskspec', 'vda,snapshot=internal'),
      external('x', '--diskspec', 'vda,snapshot=no', '--diskspec', 'vdb,snapshot=no'),
      external('it', '--diskspec', "vda,snapshot=external,file=FOLDER/a,,b 'c'.qcow2", '--diskspec', 'vdb,snapshot=no'),
      external('it'),
    ],
  },
  {
    title: 'an internal snapshot in an overlay that goes',
    running: true,
    steps: [external('e1'), external('e2'), create('inside'), remove('e1'), remove('e2'), revert('inside')],
  },
  {
    title: 'internal, external, internal',
    running: true,
    steps: [
      create('int1'),
      write('vda', 7, 1),
      external('ext1'),
      create('int2'),
      remove('ext1'),
      revert('int2'),
      revert('int1'),
      holds('vda', 0, 1),
      remove('int1', '--children'),
      external('ext2'),
      remove('ext1'),
      remove('int1'),
      remove('ext2'),
      remove('int2'),
      remove('ext1', '--metadata'),
    ],
  },
  {
    title: 'data without record and record without data',
    running: false,
    steps: [
      create('kept'),
      create('lost'),
      ['qemu-img', 'snapshot', '-d', 'lost', 'FOLDER/vda.qcow2'],
      ['qemu-img', 'snapshot', '-c', 'stray', 'FOLDER/vda.qcow2'],
      ['qemu-img', 'snapshot', '-c', 'stray', 'FOLDER/vda.qcow2'],
      revert('lost'),
      remove('lost'),
      remove('kept', '--metadata'),
      create('kept'),
    ],
  },
  {
    title: 'a VM that is started without the data that it should go back to',
    running: true,
    steps: [
      create('with memory'),
      virsh('destroy', 'UUID'),
      ['qemu-img', 'snapshot', '-d', 'with memory', 'FOLDER/vdb.qcow2'],
      revert('with memory'),
    ],
  },
  {
    title: 'a saved VM',
    running: false,
    steps: [
      create('off'),
      virsh('start', 'UUID'),
      virsh('managedsave', 'UUID'),
      revert('off'),
      create('while saved'),
      virsh('start', 'UUID'),
      virsh('managedsave', 'UUID'),
      virsh('managedsave-remove', 'UUID'),
      virsh('managedsave', 'UUID'),
    ],
  },
  {
    title: 'a paused VM',
    running: true,
    steps: [
      virsh('suspend', 'UUID'),
      create('paused'),
      virsh('resume', 'UUID'),
      virsh('resume', 'UUID'),
      revert('paused'),
      virsh('destroy', 'UUID'),
      virsh('suspend', 'UUID'),
      virsh('destroy', 'UUID'),
      revert('paused'),
    ],
  },
  {
    title: 'names that QEMU’s monitor takes apart',
    running: true,
    steps: [
      create('say "hi"'),
      create('back\\slash'),
      create("it's fine; $(really) 快照"),
      remove("it's fine; $(really) 快照"),
    ],
  },
  {
    title: 'a raw disk',
    running: false,
    disks: [{ target: 'vda' }, { target: 'vdb', format: 'raw' }],
    steps: [create('x'), external('raw below'), create('now it can')],
  },
  {
    title: 'an image that is gone',
    running: false,
    steps: [external('top'), ['remove', 'FOLDER/vda.qcow2'], virsh('start', 'UUID'), create('x'), external('y')],
  },
  {
    title: 'merging images of a running VM',
    running: true,
    disks: [{ target: 'vda' }],
    steps: [
      ...['s1', 's2', 's3', 's4'].flatMap((name, index) => [write('vda', index + 1, index + 1), external(name)]),
      write('vda', 5, 5),
      ['job', 'blockcommit', 'UUID', 'vda', '--base=FOLDER/vda.s1', '--top=FOLDER/vda.s2'],
      holds('vda', 3, 3),
      virsh('blockjob', 'UUID', 'vda', '--info'),
      virsh('blockjob', 'UUID', 'vda', '--abort'),
      virsh('blockjob', 'UUID', 'vda', '--pivot'),
      virsh('blockjob', 'UUID', 'vdz', '--info'),
      virsh('blockcommit', 'UUID', 'vda', '--base=FOLDER/vda.s2', '--active'),
      virsh('blockcommit', 'UUID', 'vda', '--top=FOLDER/vda.s2'),
      virsh('blockcommit', 'UUID', 'vda'),
      virsh('blockcommit', 'UUID', 'vda', '--top=FOLDER/vda.s3', '--active'),
      virsh('blockpull', 'UUID', 'vda', '--base=FOLDER/vda.s2'),
      ['job', 'blockpull', 'UUID', 'vda', '--base=FOLDER/vda.s1'],
      holds('vda', 4, 4),
      ['job', 'blockcommit', 'UUID', 'vda', '--base=FOLDER/vda.s1', '--active'],
      holds('vda', 5, 5),
      write('vda', 6, 6),
      ['job', 'blockpull', 'UUID', 'vda'],
      holds('vda', 1, 1),
      ['job', 'blockpull', 'UUID', 'vda'],
      virsh('blockcommit', 'UUID', 'vda', '--active'),
      virsh('destroy', 'UUID'),
      virsh('blockpull', 'UUID', 'vda'),
      virsh('blockjob', 'UUID', 'vda', '--info'),
      virsh('start', 'UUID'),
      holds('vda', 6, 6),
    ],
  },
  {
    title: 'merging images of a VM that is shut off',
    running: false,
    disks: [{ target: 'vda' }],
    steps: [
      ...['s1', 's2', 's3'].flatMap((name, index) => [write('vda', index + 1, index + 1), external(name)]),
      write('vda', 4, 4),
      ['qemu-img', 'commit', '-p', '-d', '-f', 'qcow2', '-b', 'FOLDER/vda.s1', '--', 'FOLDER/vda.s2'],
      ['qemu-img', 'commit', '-d', '-b', 'FOLDER/vda.s3', '--', 'FOLDER/vda.s2'],
      ['qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', 'FOLDER/vda.s1', '--', 'FOLDER/vda.s3'],
      holds('vda', 3, 3),
      ['qemu-img', 'rebase', '-p', '-f', 'qcow2', '-F', 'qcow2', '-b', 'FOLDER/nosuch', '--', 'FOLDER/vda.s3'],
      ['qemu-img', 'rebase', '-p', '-f', 'qcow2', '-F', 'qcow2', '-b', 'FOLDER/vda.qcow2', '--', 'FOLDER/vda.s3'],
      holds('vda', 3, 3),
      ['qemu-img', 'rebase', '-p', '-f', 'qcow2', '-b', '', '--', 'FOLDER/vda.s3'],
      holds('vda', 1, 1),
      ['qemu-img', 'commit', '-d', '--', 'FOLDER/vda.s3'],
    ],
  },
  {
    title: 'records that are removed alone',
    running: true,
    disks: [{ target: 'vda' }],
    steps: [
      ...['s1', 's2', 's3', 's4', 's5'].flatMap((name, index) => [write('vda', index + 1, index + 1), external(name)]),
      remove('s2', '--metadata'),
      virsh('snapshot-current', 'UUID', '--name'),
      remove('s5', '--metadata'),
      virsh('snapshot-current', 'UUID', '--name'),
      create('inside'),
      external('s6'),
      remove('s4', '--metadata'),
      remove('s1', '--children-only', '--metadata'),
      remove('s1', '--children', '--metadata'),
      holds('vda', 5, 5),
    ],
  },
  {
    title: 'branches of which records are removed',
    running: false,
    steps: [
      external('s1'),
      external('s2', '--diskspec', 'vdb,snapshot=no'),
      external('s3'),
      virsh('snapshot-current', 'UUID', 's1'),
      external('s4'),
      virsh('snapshot-current', 'UUID', 's2'),
      external('s5', '--diskspec', 'vda,snapshot=no'),
      remove('s1', '--metadata'),
      remove('s2', '--metadata'),
    ],
  },
  {
    title: 'memory in a file',
    running: true,
    steps: [
      write('vda', 1, 1),
      checkpoint('one'),
      write('vda', 2, 2),
      virsh('restore', 'FOLDER/one.memory'),
      virsh('destroy', 'UUID'),
      ['keep', 'FOLDER/saved', 'save-image-dumpxml', '--file=FOLDER/one.memory'],
      virsh('restore', '--file=FOLDER/one.memory'),
      virsh('domstate', 'UUID', '--reason'),
      holds('vda', 0, 2),
      holds('vda', 1, 1),
      virsh('destroy', 'UUID'),
      ['keep', 'FOLDER/present', 'dumpxml', '--inactive', 'UUID'],
      virsh('restore', '--file=FOLDER/one.memory', '--xml=FOLDER/present'),
      holds('vda', 2, 2),
      virsh('domstate', 'UUID', '--reason'),
      virsh('destroy', 'UUID'),
      virsh('restore', '--file=FOLDER/one.memory', '--xml=FOLDER/saved', '--paused'),
      virsh('domstate', 'UUID', '--reason'),
      checkpoint('of a paused one', 'two.memory'),
      virsh('destroy', 'UUID'),
      virsh('restore', '--file=FOLDER/two.memory'),
      virsh('domstate', 'UUID', '--reason'),
      virsh('restore', '--file=FOLDER/two.memory', '--running'),
      virsh('destroy', 'UUID'),
      virsh('restore', '--file=FOLDER/two.memory', '--running'),
      virsh('domstate', 'UUID', '--reason'),
      virsh('destroy', 'UUID'),
      revert('one'),
      virsh('undefine', 'UUID', '--snapshots-metadata'),
      virsh('restore', '--file=FOLDER/one.memory'),
      virsh('destroy', 'UUID'),
    ],
  },
  {
    title: 'memory that is not to be had',
    running: true,
    disks: [{ target: 'vda' }],
    steps: [
      virsh('save-image-dumpxml', '--file=FOLDER/nosuch'),
      virsh('restore', '--file=FOLDER/nosuch'),
      ['put', 'FOLDER/short', 'nothing'],
      ['put', 'FOLDER/long', 'nothing '.repeat(100)],
      virsh('save-image-dumpxml', '--file=FOLDER/short'),
      virsh('save-image-dumpxml', '--file=FOLDER/long'),
      virsh('restore', '--file=FOLDER/short'),
      virsh('restore', '--file=FOLDER/long'),
      checkpoint('one', '../nosuch/one.memory'),
      create('one', '--memspec', 'file=FOLDER/one.memory,snapshot=external', '--disk-only'),
      create('one', '--memspec', 'file=FOLDER/one.memory,snapshot=external', '--diskspec', 'vda,snapshot=internal'),
      create('bare', '--memspec', 'file=FOLDER/bare.memory,snapshot=external', '--diskspec', 'vda,snapshot=no'),
      remove('bare', '--metadata'),
      checkpoint('one'),
      virsh('destroy', 'UUID'),
      checkpoint('off'),
      virsh('restore', '--file=FOLDER/one.memory', '--xml=FOLDER/nosuch'),
      virsh('restore', '--file=FOLDER/one.memory', '--xml=FOLDER/short'),
      ['remove', 'FOLDER/vda.qcow2'],
      virsh('restore', '--file=FOLDER/one.memory'),
      virsh('domstate', 'UUID', '--reason'),
    ],
  },
  {
    title: 'undefining',
    running: true,
    steps: [create('a'), virsh('undefine', 'UUID'), virsh('start', 'UUID'), virsh('destroy', 'UUID')],
  },
];

/** Does a scenario on a host; gives what each step left. */
export async function play(
  host: ScenarioHost,
  { title, running, disks, steps }: Scenario,
): Promise<readonly Outcome[]> {
  const spec = { name: `simulator: ${title}`, running, disks: disks ?? [{ target: 'vda' }, { target: 'vdb' }] };
  const vm = await host.createVirtualMachine(spec);
  const outcomes: Outcome[] = [];
  let before = '';
  try {
    for (const step of steps) {
      const result = plain(await perform(host, vm, step), vm);
      // Looking at data, and writing it, changes nothing that is read.
      const shown =
        before !== '' && (step[0] === 'holds' || step[0] === 'write')
          ? before
          : plain(JSON.stringify(whatIsRead(await host.read(), vm)), vm);
      const now: unknown = shown === before ? 'as before' : JSON.parse(shown);
      outcomes.push({ step: step.join(' '), result, vm: now });
      before = shown;
    }
  } finally {
    await host.deleteVirtualMachine(vm);
  }
  return outcomes;
}

/** What came of the scenarios, by their titles. */
export type Recordings = Readonly<Record<string, readonly Outcome[]>>;

/** The recordings with those that were made anew in their place. Those of scenarios that are not there any more go. */
export function recordedAnew(known: Recordings, anew: ReadonlyMap<string, readonly Outcome[]>): Recordings {
  return Object.fromEntries(
    scenarios.flatMap(({ title }) => {
      const outcomes = anew.get(title) ?? known[title];
      return outcomes === undefined ? [] : [[title, outcomes]];
    }),
  );
}

async function perform(host: ScenarioHost, vm: ScenarioVm, step: readonly string[]): Promise<string> {
  const [verb = '', ...words] = step.map((word) => word.replaceAll('UUID', vm.uuid).replaceAll('FOLDER', vm.folder));
  const [target = '', byte, mebibyte] = words;
  const offset = Number(mebibyte) * 1024 ** 2;
  switch (verb) {
    case 'virsh': {
      const { exitCode, stdout, stderr } = await host.virsh(words);
      return `${exitCode}\n${stdout.trim()}\n${stderr.trim()}`;
    }
    case 'job': {
      const { exitCode, stdout, stderr } = await host.virsh(words);
      if (exitCode === 0) await jobEnds(host, vm, words.includes('--active'));
      return `${exitCode}\n${stdout.trim()}\n${stderr.trim()}`;
    }
    case 'qemu-img': {
      const { exitCode, stderr } = await host.qemuImg(words);
      return `${exitCode}\n${stderr.trim()}`;
    }
    case 'write':
      await host.write(vm, target, Number(byte), offset);
      return 'written';
    case 'holds':
      return (await host.holds(vm, target, Number(byte), offset)) ? 'yes' : 'no';
    case 'put':
      await host.putFile(target, words.slice(1).join(' '));
      return 'put';
    case 'keep': {
      const { exitCode, stdout } = await host.virsh(words.slice(1));
      await host.putFile(target, stdout);
      return String(exitCode);
    }
    case 'remove':
      await host.removeFile(target);
      return 'removed';
    default:
      throw new Error(`There is no step ${verb}.`);
  }
}

/** QEMU tells when it is ready, and when it is done, a moment after it is. */
async function jobEnds(host: ScenarioHost, { uuid }: ScenarioVm, isPivoted: boolean): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (isPivoted) await host.virsh(['blockjob', uuid, 'vda', '--pivot']);
    if ((await host.virsh(['blockjob', uuid, 'vda', '--raw'])).stdout.trim() === '') return;
    await sleep(50);
  }
  throw new Error('The block job does not end.');
}

/** What is the same on every host: no paths, no times of theirs. */
export function plain(text: string, { uuid, folder }: ScenarioVm): string {
  return text
    .replaceAll(JSON.stringify(folder).slice(1, -1), 'FOLDER')
    .replaceAll(folder, 'FOLDER')
    .replaceAll(uuid, 'UUID')
    .replaceAll('qemu unexpectedly closed the monitor', 'process exited while connecting to monitor')
    .replaceAll(/uid:\d+, gid:\d+/g, 'uid:0, gid:0')
    .replaceAll(/qemu-system-x86_64: (?:-\S+ \S+: )?/g, 'qemu-system-x86_64: ')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z /g, '');
}

/** What differs from run to run and from host to host, and what the simulated disks are too simple for. */
const leftOut = new Set(['createdAt', 'modifiedAt', 'savedAt', 'allocatedBytes']);

/**
 * What Snaptree reads of the VM and of every image that it needs, without what differs from run to run. Whatever a reading
 * comes to hold is compared: what is not must be named in `leftOut`.
 */
export function whatIsRead(inventory: Inventory, { uuid }: ScenarioVm): unknown {
  const vm = inventory.vms.find((each) => each.uuid === uuid);
  if (!vm?.readable) return vm ? { reason: vm.reason } : null;
  const images = imagesById(inventory.images);
  const reached = new Set([...imagesOfVm(vm), ...reachedFrom(imagesOfVm(vm), images)]);
  const read = {
    vm: { ...vm, snapshots: [...vm.snapshots].sort((a, b) => (a.id < b.id ? -1 : 1)) },
    images: [...reached].sort().map((id) => {
      const image = images.get(id);
      if (!image) return id;
      const internalSnapshots = image.internalSnapshots.map((each) => ({
        ...each,
        memoryBytes: each.memoryBytes > 0 ? 'some' : 0,
      }));
      return { ...image, internalSnapshots };
    }),
  };
  return JSON.parse(JSON.stringify(read, (key, value: unknown) => (leftOut.has(key) ? undefined : value)));
}
