/** Repairs of records and chains, on real hosts and on the simulated one: what libvirt records, and the data that it leads to. */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import type { RecordFiles } from '../../../../../shared/model/record-files.ts';
import { imagesById } from '../../../../../shared/rules/chains/chains.ts';
import { defineRequest } from '../../../../../shared/rules/repair/definable.ts';
import { unrecordedLayers } from '../../../../../shared/rules/repair/adoption.ts';
import { carryOutOn } from '../carry-out.fixtures.ts';
import { readVm, revertTo, treeLines, type OneDiskHost } from '../one-disk-host.fixtures.ts';
import { planLibvirt } from '../plan.ts';

export interface RepairHost extends OneDiskHost {
  readRecordFiles(vmUuid: string, folder: string | null): Promise<RecordFiles>;
  /** Its virsh does not wait for block jobs (`blockcommit --wait`), as that of simulated hosts. */
  readonly lacksWaiting?: true;
  /** Any command on the host. */
  run(argv: readonly string[]): Promise<unknown>;
}

/** Declares the tests of repairs. */
export function repairSuite(host: RepairHost): void {
  let vmUuid: string;
  let folder: string;
  const file = (name: string): string => `${folder}/${name}`;

  const carryOut = (request: ChangeRequest) => carryOutOn(host.planned, request);
  const refused = async (request: ChangeRequest): Promise<readonly string[]> => {
    const { refusals } = planLibvirt('qemu:///system', request, await host.planned.read());
    return refusals.map(({ code }) => code);
  };
  const repair = (parts: { drop?: string[]; move?: string[] }): ChangeRequest => ({
    action: 'repairRecords',
    vmUuid,
    drop: [],
    move: [],
    ...parts,
  });
  const adopt = (name: string, images: Record<string, string> | null): ChangeRequest => ({
    action: 'adoptSnapshot',
    vmUuid,
    name,
    description: 'found <again>',
    images,
  });
  const rebase = (imageId: string, baseId: string): ChangeRequest => ({
    action: 'rebaseImage',
    vmUuid,
    imageId,
    baseId,
  });
  const aside = (imageId: string, to: string): ChangeRequest => ({ action: 'setAsideImage', vmUuid, imageId, to });
  const revert = (snapshotId: string) => revertTo(vmUuid, snapshotId);

  const read = () => readVm(host, vmUuid);
  const tree = async () => treeLines(await read());

  /** s1, s2 and s3, one below the other; each holds its number, and the present state 0x44. */
  async function takeThree(): Promise<void> {
    for (const number of [1, 2, 3]) {
      await host.write(number);
      await host.virsh(['snapshot-create-as', vmUuid, `s${number}`, '--disk-only']);
    }
    await host.write(0x44);
  }

  /** Times are compared with a tolerance of seconds: what is done by hand is done later. */
  const later = () => host.run(['touch', '-d', '2030-01-01T00:00:00Z', file('vda.qcow2')]);

  async function expectStates(states: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, byte] of Object.entries(states)) {
      await carryOut(revert(name));
      expect(await host.holds(byte), name).toBe(true);
    }
  }

  beforeAll(() => host.up());
  beforeEach(async () => {
    ({ uuid: vmUuid, folder } = await host.createVirtualMachine());
  });
  afterEach(() => host.deleteVirtualMachine());

  it('mends the records after images were committed by hand, and each that is left leads to its data', async () => {
    await takeThree();
    expect(await refused(repair({ drop: ['s1'] }))).toEqual(['recordNeeded']);
    // What `virsh blockcommit --base vda.qcow2 --top vda.s1` does to the images.
    await host.run(['qemu-img', 'commit', '-q', '-d', file('vda.s1')]);
    await host.run(['qemu-img', 'rebase', '-u', '-F', 'qcow2', '-b', file('vda.qcow2'), file('vda.s2')]);
    await later();
    expect(await refused(repair({ drop: ['s2'] }))).toEqual(['recordNeeded']);
    expect(await refused(repair({ drop: ['s3'] }))).toEqual(['recordNeeded']);
    await carryOut(repair({ drop: ['s1'], move: ['s2'] }));
    expect(await tree()).toEqual([' < s2', 's2 < s3 *']);
    expect(await host.holds(0x44)).toBe(true);
    await expectStates({ s2: 2 });
  });

  it.skipIf(host.lacksWaiting === true)(
    'mends the records of a VM that runs after each kind of blockcommit by hand',
    async () => {
      await takeThree();
      await host.virsh(['start', vmUuid]);
      const [base, top] = [file('vda.qcow2'), file('vda.s1')];
      await host.virsh(['blockcommit', vmUuid, 'vda', `--base=${base}`, `--top=${top}`, '--wait']);
      await later();
      await carryOut(repair({ drop: ['s1'], move: ['s2'] }));
      expect(await tree()).toEqual([' < s2', 's2 < s3 *']);
      expect(await host.holds(0x44)).toBe(true);
      await host.virsh(['blockcommit', vmUuid, 'vda', `--base=${base}`, '--active', '--wait', '--pivot']);
      await later();
      expect(await refused(repair({ move: ['s3'] }))).toEqual(['dataNotMoved']);
      await carryOut(repair({ drop: ['s2', 's3'] }));
      expect(await tree()).toEqual([]);
      expect(await host.holds(0x44)).toBe(true);
      await host.virsh(['destroy', vmUuid]);
      expect(await host.holds(0x44)).toBe(true);
    },
  );

  it('moves no record to an image that holds another state than its own', async () => {
    await takeThree();
    await host.run(['qemu-img', 'rebase', '-u', '-F', 'qcow2', '-b', file('vda.qcow2'), file('vda.s2')]);
    await expect(carryOut(repair({ move: ['s2'] }))).rejects.toThrow('do not hold the same');
    expect(await tree()).toEqual([' < s1', 's1 < s2', 's2 < s3 *']);
  });

  it('removes the record of a file that is gone, and of no other', async () => {
    await takeThree();
    await carryOut(revert('s1'));
    // The branch that was left.
    await host.run(['rm', file('vda.s2')]);
    expect(await refused(repair({ drop: ['s2'] }))).toEqual(['recordNeeded']);
    await carryOut(repair({ drop: ['s3'] }));
    expect(await tree()).toEqual([' < s1 *', 's1 < s2']);
    await expectStates({ s2: 2 });
  });

  it('makes records of a chain that lost them, in whatever order, and each can be gone back to', async () => {
    await takeThree();
    for (const name of ['s1', 's2', 's3']) {
      await host.virsh(['snapshot-delete', vmUuid, `--snapshotname=${name}`, '--metadata']);
    }
    const inventory = await host.planned.read();
    const vm = inventory.vms.find(({ uuid }) => uuid === vmUuid);
    const layers = vm?.readable ? unrecordedLayers(vm, imagesById(inventory.images)) : [];
    expect(layers.map(({ data }) => data.id)).toEqual(['vda.qcow2', 'vda.s1', 'vda.s2'].map(file));
    await carryOut(adopt('first', { vda: file('vda.qcow2') }));
    await carryOut(adopt("it's <third>", { vda: file('vda.s2') }));
    expect(await refused(adopt('first', { vda: file('vda.s1') }))).toEqual(['nameTaken']);
    await carryOut(adopt('second', { vda: file('vda.s1') }));
    expect(await tree()).toEqual([' < first', 'first < second', `second < it's <third> *`]);
    expect((await read()).snapshots.map(({ description }) => description)).toEqual(Array(3).fill('found <again>'));
    await expectStates({ second: 2, "it's <third>": 3 });
  });

  it('defines records again that were kept, parents first, and each can be gone back to', async () => {
    await takeThree();
    await host.run(['mkdir', file('records')]);
    for (const [index, name] of ['s3', 's1', 's2'].entries()) {
      await host.run([
        ...[
          'sh',
          '-c',
          'virsh -c qemu:///system snapshot-dumpxml --security-info "$1" "--snapshotname=$2" >"$3"',
          'sh',
        ],
        ...[vmUuid, name, file(`records/${index}.xml`)],
      ]);
    }
    await host.run(['sh', '-c', 'echo s3 >"$1"', 'sh', file('records/.current')]);
    await host.run(['sh', '-c', 'echo "<domainsnapshot/>" >"$1"', 'sh', file('records/bad.xml')]);
    for (const name of ['s1', 's2', 's3']) {
      await host.virsh(['snapshot-delete', vmUuid, `--snapshotname=${name}`, '--metadata']);
    }
    const files = await host.readRecordFiles(vmUuid, file('records'));
    expect(files).toMatchObject({ currentId: 's3', unusable: [{ path: file('records/bad.xml') }] });
    const { request } = defineRequest(files, await read());
    await carryOut(request);
    expect(await tree()).toEqual([' < s1', 's1 < s2', 's2 < s3 *']);
    expect(await refused(request)).toEqual(['nameTaken', 'nameTaken', 'nameTaken']);
    expect(defineRequest(files, await read()).leftOut).toHaveLength(4);
    await expectStates({ s2: 2 });
  });

  it('makes a record of an internal snapshot, unless its name is taken or stands twice', async () => {
    await host.write(1);
    await host.run(['qemu-img', 'snapshot', '-c', 'inside', file('vda.qcow2')]);
    await host.write(2);
    await carryOut(adopt('inside', null));
    expect(await tree()).toEqual([' < inside']);
    expect(await refused(adopt('inside', null))).toEqual(['nameTaken']);
    expect(await refused(adopt('nowhere', null))).toEqual(['notInImages']);
    await host.run(['qemu-img', 'snapshot', '-c', 'twice', file('vda.qcow2')]);
    await host.run(['qemu-img', 'snapshot', '-c', 'twice', file('vda.qcow2')]);
    expect(await refused(adopt('twice', null))).toEqual(['ambiguousSnapshot']);
    await expectStates({ inside: 1 });
  });

  it('makes no record of an internal snapshot where the disk was given another active layer meanwhile', async () => {
    await host.run(['qemu-img', 'snapshot', '-c', 'inside', file('vda.qcow2')]);
    const [step] = planLibvirt('qemu:///system', adopt('inside', null), await host.planned.read()).steps;
    await host.virsh(['snapshot-create-as', vmUuid, 'theirs', '--disk-only']);
    await expect(host.planned.run(step?.argv ?? [])).rejects.toThrow('names other images than were planned for');
    expect(await tree()).toEqual([' < theirs *']);
  });

  it('sets an image aside that nobody needs, and puts it back', async () => {
    await host.write(1);
    await host.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', 'vda.qcow2', file('left.qcow2')]);
    const away = file('left.qcow2.set-aside');
    expect(await refused(aside(file('vda.qcow2'), file('vda.qcow2.set-aside')))).toContain('imageHasDependents');
    expect(await refused(aside(file('left.qcow2'), file('other.qcow2')))).toEqual(['badPath']);
    await carryOut(aside(file('left.qcow2'), away));
    await host.run(['test', '-f', away]);
    await carryOut(aside(away, file('left.qcow2')));
    await host.run(['qemu-img', 'check', '-q', file('left.qcow2')]);
    await host.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', 'left.qcow2', file('up.qcow2')]);
    expect(await refused(aside(file('left.qcow2'), away))).toEqual(['imageHasDependents']);
  });

  it('lets a chain go on at a base that was moved, while the VM is shut off, with definition and records', async () => {
    await takeThree();
    await host.run(['mkdir', file('moved')]);
    await host.run(['mv', file('vda.qcow2'), file('moved/vda.qcow2')]);
    expect(await refused(repair({ drop: ['s1'] }))).toEqual(['recordNeeded']);
    expect(await refused(rebase(file('vda.s1'), file('vda.s2')))).toEqual(['notTheBase']);
    await carryOut(rebase(file('vda.s1'), file('moved/vda.qcow2')));
    expect(await host.holds(0x44)).toBe(true);
    expect(await tree()).toEqual([' < s1', 's1 < s2', 's2 < s3 *']);
    await host.virsh(['start', vmUuid]);
    await host.virsh(['destroy', vmUuid]);
    expect(await refused(rebase(file('vda.s1'), file('moved/vda.qcow2')))).toEqual(['nothingMissing']);
    await expectStates({ s1: 1 });
  });
}
