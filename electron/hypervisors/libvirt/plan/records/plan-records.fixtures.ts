/** Describing and renaming snapshots, on real hosts and on the simulated one: the records, the tree, and the data that they lead to. */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { carryOutOn } from '../carry-out.fixtures.ts';
import { readVm, revertTo, treeLines, type OneDiskHost } from '../one-disk-host.fixtures.ts';
import { planLibvirt } from '../plan.ts';

export interface RecordsHost extends OneDiskHost {
  /** virsh with a file as its last argument. */
  virshWithXml(argv: readonly string[], xml: string): Promise<unknown>;
}

/** Declares the tests of records. */
export function recordsSuite(host: RecordsHost): void {
  let vmUuid: string;
  const strange = `it's <not> & "new" – ü`;

  const carryOut = (request: ChangeRequest) => carryOutOn(host.planned, request);
  const record = async (name: string) =>
    (await host.virsh(['snapshot-dumpxml', vmUuid, `--snapshotname=${name}`])).stdout;
  const describe = (snapshotId: string, description: string): ChangeRequest => ({
    action: 'describeSnapshot',
    vmUuid,
    snapshotId,
    description,
  });
  const rename = (snapshotId: string, name: string): ChangeRequest => ({
    action: 'renameSnapshot',
    vmUuid,
    snapshotId,
    name,
  });
  const revert = (snapshotId: string) => revertTo(vmUuid, snapshotId);

  const read = () => readVm(host, vmUuid);
  const tree = async () => treeLines(await read());

  async function take(name: string, byte: number, ...more: readonly string[]): Promise<void> {
    await host.write(byte);
    await host.virsh(['snapshot-create-as', vmUuid, name, ...more]);
  }

  /** s1, and below it s2, s3 and the present state; each holds its number. */
  async function takeThree(): Promise<void> {
    for (const number of [1, 2, 3]) await take(`s${number}`, number, '--disk-only', '--description=of the disks');
    await host.write(0x44);
  }

  beforeAll(() => host.up());
  beforeEach(async () => {
    vmUuid = (await host.createVirtualMachine()).uuid;
  });
  afterEach(() => host.deleteVirtualMachine());

  it('gives a snapshot another description and leaves everything else of its record as it was', async () => {
    await take('inside', 1);
    await take('outside', 2, '--disk-only', '--description=of the disks');
    const before = [await record('inside'), await record('outside')];
    const text = `${strange}\n  <description>of\ttwo lines\\n`;
    for (const id of ['inside', 'outside']) {
      await carryOut(describe(id, text));
      expect((await read()).snapshots.find((each) => each.id === id)?.description).toBe(text);
    }
    expect(await tree()).toEqual([' < inside', 'inside < outside *']);
    await carryOut(describe('inside', ''));
    await carryOut(describe('outside', 'of the disks'));
    expect([await record('inside'), await record('outside')]).toEqual(before);
  });

  it('renames an external snapshot with all that hangs on it, and each can be gone back to', async () => {
    await takeThree();
    const before = await read();
    await carryOut(rename('s2', strange));
    expect(await tree()).toEqual([' < s1', 's1 < ' + strange, `${strange} < s3 *`].toSorted());
    await carryOut(rename('s3', 'last'));
    await carryOut(rename('s1', 'first'));
    expect(await tree()).toEqual([' < first', `first < ${strange}`, `${strange} < last *`].toSorted());
    const after = await read();
    const held = ({ snapshots }: ReadableVm) => snapshots.map(({ disks, createdAt }) => ({ disks, createdAt }));
    expect(held(after).toSorted(byTime)).toEqual(held(before).toSorted(byTime));
    expect(after.problems).toEqual([]);
    expect(await host.holds(0x44)).toBe(true);
    for (const [id, byte] of [
      [strange, 2],
      ['last', 3],
    ] as const) {
      await carryOut(revert(id));
      expect(await host.holds(byte)).toBe(true);
      expect(after.snapshots.map(({ id: each }) => each)).toContain(id);
    }
  });

  it('goes on with a renaming that was cut off, and replaces no other snapshot of the new name', async () => {
    await takeThree();
    const half = (await record('s2')).replace('<name>s2</name>', '<name>half</name>');
    const plan = planLibvirt('qemu:///system', rename('s2', 'half'), await host.planned.read());
    await host.virshWithXml(['snapshot-create', vmUuid, '--redefine'], half);
    for (const { argv } of plan.steps) await host.planned.run(argv);
    expect(await tree()).toEqual([' < s1', 'half < s3 *', 's1 < half']);
    // It was taken after the plan was made.
    const late = planLibvirt('qemu:///system', rename('half', 'taken'), await host.planned.read());
    await take('taken', 5, '--disk-only');
    const taken = await record('taken');
    await expect(host.planned.run(late.steps[0]?.argv ?? [])).rejects.toThrow('of the new name already');
    expect(await record('taken')).toBe(taken);
    expect(await tree()).toEqual([' < s1', 'half < s3', 's1 < half', 's3 < taken *']);
  });

  it('renames no internal snapshot, whose data has its name', async () => {
    await take('inside', 1);
    const { refusals } = planLibvirt('qemu:///system', rename('inside', 'other'), await host.planned.read());
    expect(refusals.map(({ code }) => code)).toEqual(['nameInData']);
  });
}

function byTime(a: { readonly createdAt: number | null }, b: { readonly createdAt: number | null }): number {
  return (a.createdAt ?? 0) - (b.createdAt ?? 0);
}
