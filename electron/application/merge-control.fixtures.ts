/**
 * Merges that are told to go slower, faster or not at all for now, and those that cannot catch up with a guest that writes all the time,
 * on real hosts and on the simulated one. Whatever is done, no write of the guest is lost, and the guest runs afterwards.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { StepControl, StepWish } from '../../shared/model/operation.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import type { ApplicationUnderTest } from './application-under-test.fixtures.ts';

const mebibyte = 1024 ** 2;
/** Less than the guest makes to be copied anew. */
const tooSlow = mebibyte;

/** A host with a VM whose guest writes all the time, and what is behind it: a real one of the testbed, or a simulated one. */
export interface MergeControlHost {
  /** Whether what a step prints is seen while it runs. The interpreter of simulated hosts gives it when it has ended. */
  readonly printsAtOnce: boolean;
  up(): Promise<unknown>;
  down(): Promise<void>;
  open(): Promise<ApplicationUnderTest>;
  /** Anew: it runs, writes to vda, much faster than `tooSlow`, and has an external snapshot since whose making 16 MiB more were written. */
  createVirtualMachine(): Promise<BusyVm>;
  deleteVirtualMachine(vm: BusyVm): Promise<void>;
  /** Rejects with what virsh said where it fails. */
  virsh(argv: readonly string[]): Promise<{ readonly stdout: string }>;
  activeImage(vm: BusyVm): Promise<string>;
  /** Ends the VM. Rejects where anything that its guest wrote is not what is read through an image, to the last write. */
  expectAllWrites(vm: BusyVm, image: string): Promise<void>;
  /** Ends the step that merges, its shell as well, as if somebody had killed it, and nothing that watches over it. */
  killStep(vm: BusyVm): Promise<void>;
}

export interface BusyVm {
  readonly uuid: string;
  readonly folder: string;
  /** The image that it had first. */
  readonly base: string;
  /** What it writes to since the snapshot. */
  readonly overlay: string;
}

/** What such tests are made of. */
export interface MergeControlTools {
  readonly vm: () => BusyVm;
  readonly application: () => ApplicationUnderTest;
  /** Begins to merge the overlay into the first image. Gives the operation when its merge works. */
  readonly begin: () => Promise<string>;
  readonly adjust: (operationId: string, wish: StepWish) => Promise<string>;
  readonly jobLimit: () => Promise<string | null>;
}

/** Declares these tests. @param declareMore those that only this host can pass */
export function mergeControlSuite(
  host: MergeControlHost,
  declareMore: (tools: MergeControlTools) => void = () => undefined,
): void {
  let application: ApplicationUnderTest;
  let vm: BusyVm;

  const virsh = async (...argv: readonly string[]) => (await host.virsh(argv)).stdout;
  const guestState = async () => (await virsh('domstate', vm.uuid, '--reason')).trim();
  const jobLimit = async () => {
    const job = await virsh('blockjob', vm.uuid, 'vda', '--info', '--raw', '--bytes');
    return /bandwidth=(\d+)/.exec(job)?.[1] ?? null;
  };

  beforeAll(async () => {
    await host.up();
  });
  beforeEach(async () => {
    vm = await host.createVirtualMachine();
    application = await host.open();
  });
  afterEach(async () => {
    await application.close();
    await host.deleteVirtualMachine(vm);
  });
  afterAll(async () => {
    await host.down();
  });

  const commit = (bytesPerSecond: number | null): ChangeRequest => ({
    action: 'commitImages',
    vmUuid: vm.uuid,
    ranges: [{ target: 'vda', topId: vm.overlay, baseId: vm.base }],
    oneByOne: false,
    bytesPerSecond,
  });

  async function begin(bytesPerSecond: number | null): Promise<string> {
    const plan = await application.plan(commit(bytesPerSecond));
    expect(plan.refusals).toEqual([]);
    const id = await application.begin(plan);
    await controlOf(id, () => true);
    return id;
  }

  /** How the merge works, as soon as it is so. */
  async function controlOf(id: string, isSo: (control: StepControl) => boolean): Promise<StepControl> {
    const found: StepControl[] = [];
    await expect
      .poll(
        () => {
          const control = application.progress(id)?.control;
          if (control && isSo(control)) found.push(control);
          return found.length > 0 ? 'it is so' : application.operation(id).state;
        },
        { timeout: 150_000, interval: 100 },
      )
      .toBe('it is so');
    const [control] = found;
    if (!control) throw new Error('It was not so.');
    return control;
  }

  const adjust = async (operationId: string, wish: StepWish) =>
    (await application.ask('operations.adjust', { operationId, wish })).message;

  async function succeeds(id: string): Promise<void> {
    const { state, error } = await application.rests(id, 240_000);
    expect([state, error?.message]).toEqual(['succeeded', undefined]);
    expect(await host.activeImage(vm)).toBe(vm.base);
  }

  /** The guest runs on, and what it wrote is there. */
  async function expectAllWrites(image: string): Promise<void> {
    expect(await guestState()).toMatch(/^running/);
    await host.expectAllWrites(vm, image);
  }

  it('says that a merge cannot catch up with the guest, and ends as soon as its limit is lifted', async () => {
    const id = await begin(tooSlow);
    const control = await controlOf(id, ({ fallsBehind }) => fallsBehind);
    expect(control).toMatchObject({ can: ['limit', 'pause', 'pauseGuest'], bytesPerSecond: tooSlow, isPaused: false });
    const printed = () => application.operation(id).steps.map(({ output }) => output);
    if (host.printsAtOnce) await expect.poll(() => printed().join(''), { timeout: 60_000 }).toContain('as fast as');
    expect(await adjust(id, { kind: 'limit', bytesPerSecond: null })).toBe('The merge copies as fast as it can.');
    await succeeds(id);
    expect(printed().join('')).toContain('as fast as');
    await expectAllWrites(vm.base);
  });

  it('pauses the guest, lets the merge catch up, and lets the guest go on', async () => {
    const id = await begin(tooSlow);
    await controlOf(id, ({ fallsBehind }) => fallsBehind);
    expect(await adjust(id, { kind: 'pauseGuest', seconds: 200 })).toContain('paused');
    expect(await guestState()).toBe('paused (user)');
    await adjust(id, { kind: 'limit', bytesPerSecond: 16 * mebibyte });
    await succeeds(id);
    await expectAllWrites(vm.base);
  });

  it('lets a paused guest go on when its time is over, and where the merge is killed, or given up', async () => {
    const id = await begin(tooSlow);
    await adjust(id, { kind: 'pauseGuest', seconds: 3 });
    await expect.poll(guestState, { timeout: 30_000 }).toMatch(/^running/);
    await adjust(id, { kind: 'pauseGuest', seconds: 600 });
    expect(await guestState()).toBe('paused (user)');
    await host.killStep(vm);
    await expect.poll(guestState, { timeout: 30_000 }).toMatch(/^running/);
    await application.rests(id, 60_000);
    await application.ask('operations.resolve', { operationId: id, choice: 'resume' });
    await controlOf(id, ({ can }) => can.includes('pauseGuest'));
    await adjust(id, { kind: 'pauseGuest', seconds: 600 });
    await application.ask('operations.cancel', { operationId: id });
    expect((await application.rests(id, 120_000)).state).toBe('cancelled');
    expect(await host.activeImage(vm)).toBe(vm.overlay);
    await expectAllWrites(vm.overlay);
  });

  it('holds a merge and lets it go on, at the limit that it had, or at another', async () => {
    const id = await begin(mebibyte);
    expect(await adjust(id, { kind: 'pause' })).toContain('stands still');
    expect(await jobLimit()).toBe('1');
    expect(await controlOf(id, ({ isPaused }) => isPaused)).toMatchObject({ bytesPerSecond: null, fallsBehind: false });
    await adjust(id, { kind: 'continue' });
    expect(await jobLimit()).toBe(String(mebibyte));
    await adjust(id, { kind: 'limit', bytesPerSecond: 2 * mebibyte });
    expect(await controlOf(id, ({ bytesPerSecond }) => bytesPerSecond === 2 * mebibyte)).toMatchObject({
      isPaused: false,
    });
    await adjust(id, { kind: 'limit', bytesPerSecond: null });
    await succeeds(id);
    await expectAllWrites(vm.base);
  });

  it('says clearly that somebody else ended a merge, or its VM', async () => {
    const id = await begin(tooSlow);
    await virsh('blockjob', vm.uuid, 'vda', '--abort');
    expect((await application.rests(id, 120_000)).state).toBe('failed');
    await expect(adjust(id, { kind: 'pause' })).rejects.toThrow(/No step of it runs/);

    const second = await begin(tooSlow);
    await virsh('destroy', vm.uuid);
    await expect(adjust(second, { kind: 'pause' })).rejects.toThrow(/has ended|No step of it runs/);
    expect((await application.rests(second, 120_000)).state).toBe('failed');
    await virsh('start', vm.uuid);
    expect(await host.activeImage(vm)).toBe(vm.overlay);
  });

  declareMore({
    vm: () => vm,
    application: () => application,
    begin: () => begin(tooSlow),
    adjust,
    jobLimit,
  });
}
