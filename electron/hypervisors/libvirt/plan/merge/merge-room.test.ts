/** The room of merges, told from the images alone. What images really take is measured in images/qcow2. */
import { describe, expect, it } from 'vitest';
import { disk, folder, image, inventory, overlay, uri, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import type { Image, Inventory } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanRoom } from '../../../../../shared/model/plan.ts';
import { fullBytes } from '../../../../../shared/rules/chains/image-growth.ts';
import { planLibvirt } from '../plan.ts';

const GiB = 1024 ** 3;
const [base, middle, top, active] = ['base', 'middle', 'top', 'active'].map((name) => `${folder}/${name}.qcow2`) as [
  string,
  string,
  string,
  string,
];
const data = '/mnt/data/data.qcow2';
const dataTop = '/mnt/data/data.top.qcow2';
const size = (gib: number): Partial<Image> => ({ virtualBytes: 100 * GiB, allocatedBytes: gib * GiB });
const baseImage = image(base, size(20));
const images = [
  baseImage,
  overlay(middle, base, size(1)),
  overlay(top, middle, size(2)),
  overlay(active, top, size(4)),
  image(data, size(50)),
  overlay(dataTop, data, size(10)),
];
const filesystems = [
  { folder, freeBytes: 30 * GiB, totalBytes: 500 * GiB },
  { folder: '/mnt/data', freeBytes: 8 * GiB, totalBytes: 200 * GiB },
];

function plan(
  request: Partial<ChangeRequest>,
  state: 'running' | 'shutoff' = 'shutoff',
  host: Partial<Inventory> = {},
) {
  const machine = vm({ state, disks: [disk('vda', active), disk('vdb', dataTop)] });
  const whole = { vmUuid: machine.uuid, bytesPerSecond: null, oneByOne: false, ...request } as ChangeRequest;
  return planLibvirt(uri, whole, { ...inventory([machine], images), filesystems, ...host });
}

const down = (topId: string, baseId: string, oneByOne = false): Partial<ChangeRequest> => ({
  action: 'commitImages',
  ranges: [{ target: 'vda', topId, baseId }],
  oneByOne,
});
const both: Partial<ChangeRequest> = {
  action: 'commitImages',
  ranges: [
    { target: 'vda', topId: active, baseId: base },
    { target: 'vdb', topId: dataTop, baseId: data },
  ],
};
const gib = (bytes: number | null | undefined) => Math.round(((bytes ?? NaN) / GiB) * 10) / 10;
const inGib = ({ folders, likelyBytes, atMostBytes, guestBytes, freeBytes }: PlanRoom) => [
  folders.join(),
  ...[likelyBytes, atMostBytes, guestBytes, freeBytes].map(gib),
];

describe('the room of a merge', () => {
  it('is told of every file system, the tightest first, and looked for on each', () => {
    const { rooms, warnings, steps } = plan(both);
    expect(rooms.map(inGib)).toEqual([
      // Half of the 10 GiB are likely there already.
      ['/mnt/data', 5, 10, 0, 8],
      // 7 GiB, less what they have in common, and a fifth is there.
      [folder, gib(100 * GiB * (1 - 0.99 * 0.98 * 0.96) * 0.8), 7, 0, 30],
    ]);
    expect(warnings.filter(({ code }) => code === 'littleSpace').map(({ message }) => message)).toEqual([
      expect.stringContaining(
        '(likely 5 GiB) may be needed before the merged images are removed, and /mnt/data has 8 GiB free',
      ),
    ]);
    const [look] = steps;
    expect(look?.onlyLooks).toBe(true);
    expect(look?.argv.slice(4)).toEqual([
      ...['/mnt/data', String(5 * 1024 ** 2), 'surely'],
      ...[folder, String(Math.ceil((rooms[1]?.atMostBytes ?? 0) / 1024)), 'surely'],
    ]);
  });

  it('counts together what is on one file system', () => {
    const { rooms } = plan(both, 'shutoff', {
      filesystems: filesystems.map((each) => ({ ...each, freeBytes: 1, totalBytes: 2 })),
    });
    expect(rooms.map(({ folders }) => folders)).toEqual([[folder, '/mnt/data']]);
    expect(Math.round(gib(rooms[0]?.atMostBytes))).toBe(17);
  });

  it('has in it what the images between grow by, one after the other', () => {
    const [room] = plan(down(active, base, true)).rooms;
    // 4 into 2; 6 into 1; 7 into the base.
    expect(Math.round(gib(room?.atMostBytes))).toBe(17);
    expect(gib(plan(down(active, base)).rooms[0]?.atMostBytes)).toBe(7);
  });

  it('of a VM that runs knows what the guest may add where it writes to both images', () => {
    const [room] = plan(down(active, base), 'running').rooms;
    const lacking = (fullBytes(baseImage) ?? 0) - 20 * GiB;
    expect((room?.atMostBytes ?? 0) + (room?.guestBytes ?? 0)).toBe(lacking);
    expect(gib(room?.atMostBytes)).toBe(7);
  });

  it('below the active layer of a VM that runs may be all that is lacking, for zeroes are written out', () => {
    const lacking = (fullBytes(baseImage) ?? 0) - 20 * GiB;
    expect(plan(down(top, base), 'running').rooms).toMatchObject([{ atMostBytes: lacking, guestBytes: 0 }]);
    expect(gib(plan(down(top, base)).rooms[0]?.atMostBytes)).toBe(3);
  });

  it('upwards is that of the image that takes up the others', () => {
    const [room] = plan({ action: 'pullImages', ranges: [{ target: 'vda', baseId: base }] }).rooms;
    expect([gib(room?.likelyBytes), gib(room?.atMostBytes)]).toEqual([gib(100 * GiB * (1 - 0.98 * 0.99) * 0.96), 3]);
  });

  it('is looked for again before each merge but the first, in what it makes larger', () => {
    /** What is merged into, and the words of the looks for room between. */
    const order = (request: Partial<ChangeRequest>): readonly (readonly string[])[] =>
      plan(request, 'running').steps.flatMap(({ onlyLooks, title, argv, writes }) =>
        onlyLooks === true ? (title.includes('room') ? [argv.slice(4)] : []) : writes.length > 0 ? [writes] : [],
      );
    const [, first, again, second, ...rest] = order(down(active, middle, true));
    expect([first, second, rest]).toEqual([[top], [middle], []]);
    // 4 GiB and 2, which the image between has by then.
    expect([again?.[0], Math.round(Number(again?.[1]) / 1024 ** 2)]).toEqual([folder, 6]);
    expect(order(both).slice(1)).toEqual([[base], ['/mnt/data', expect.any(String), 'maybe'], [data]]);
  });
});
