/** Freezing the file systems of a guest for a snapshot, on real hosts and on the simulated one: what is taken then, and that nothing stays frozen. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Operation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { describe, type ApplicationUnderTest } from './application-under-test.fixtures.ts';

type CreateRequest = Extract<ChangeRequest, { action: 'createSnapshot' }>;

interface Fault {
  count(): number;
  release(): void;
  remove(): void;
}

/** A host with a VM that has an agent in its guest, and what is behind it: a real one of the testbed, or a simulated one. */
export interface QuiesceHost<Under extends ApplicationUnderTest = ApplicationUnderTest> {
  /** Makes it ready. Gives the VM, which runs, with the disks vda and vdb and a file system on each. */
  up(): Promise<QuiescedVm>;
  open(): Promise<Under>;
  down(): Promise<void>;
  /** The agent answers and the guest runs, whatever a test left. */
  settle(): Promise<void>;
  /** Whatever comes of it. */
  virsh(argv: readonly string[]): Promise<{ readonly stdout: string }>;
  activeImage(target: string): Promise<string>;
  /** Whether nothing has to be recovered in the file system of an image. Null: simulated disks hold no file systems. */
  readonly isClean: ((image: string) => Promise<boolean>) | null;
  /** What the agent does while it freezes the next time, in words, and how it is made to. */
  readonly failures: readonly { readonly inWords: string; readonly begin: () => Promise<void> }[];
  /** Lets it answer nothing for now. */
  silenceAgent(): Promise<void>;
  /** Makes a command of virsh wait until it is released, or fail. */
  addFault(fault: { readonly command: string; readonly effect: 'hold' | 'fail' }): Fault;
  /** Ends the step that freezes, its shell as well, and nothing that watches over it. */
  killStep(): Promise<void>;
}

interface QuiescedVm {
  readonly uuid: string;
  /** Where its file systems are mounted. */
  readonly fileSystems: readonly string[];
}

/** What tests of quiescing are made of. */
export interface QuiesceTools<Under extends ApplicationUnderTest = ApplicationUnderTest> {
  readonly application: () => Under;
  readonly request: (changes?: Partial<CreateRequest>) => CreateRequest;
  /** Plans and runs; gives the operation where it ended, or waits for its user. */
  readonly run: (
    wanted: CreateRequest,
  ) => Promise<{ readonly id: string; readonly plan: Plan; readonly operation: Operation }>;
  readonly snapshotNames: () => Promise<readonly string[]>;
  readonly freezeStatus: () => Promise<string>;
  /** Waits until the snapshot is about to be taken, with the guest frozen. */
  readonly held: (fault: Fault) => Promise<void>;
}

/** Declares the tests of quiescing. @param declareMore those that only this host can pass */
export function quiesceSuite<Under extends ApplicationUnderTest>(
  host: QuiesceHost<Under>,
  declareMore: (tools: QuiesceTools<Under>) => void = () => undefined,
): void {
  let application: Under;
  let vm: QuiescedVm;
  let count = 0;

  beforeAll(async () => {
    vm = await host.up();
    application = await host.open();
  });
  afterAll(async () => {
    await application.close();
    await host.down();
  });
  afterEach(async () => {
    // What a test that failed left would lock the VM for the next one.
    for (const { id, endedAt } of application.operations())
      if (endedAt === null) await application.bringToEnd(id, ['resume', 'undo', 'forget'], 120_000);
    await host.settle();
    expect(await freezeStatus()).toBe('thawed');
  });

  const virsh = (...words: readonly string[]) => host.virsh(words);

  const held = (fault: Fault) =>
    expect
      .poll(() => fault.count(), { message: 'the snapshot is about to be taken', timeout: 180_000, interval: 20 })
      .toBeGreaterThan(0);

  async function freezeStatus(): Promise<string> {
    const command = ['qemu-agent-command', vm.uuid, '--timeout', '5', '{"execute":"guest-fsfreeze-status"}'];
    return /"return":"(\w+)"/.exec((await virsh(...command)).stdout)?.[1] ?? 'no answer';
  }

  function request(changes: Partial<CreateRequest> = {}): CreateRequest {
    count += 1;
    return {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'external',
      name: `at-${count}`,
      description: '',
      diskTargets: ['vda', 'vdb'],
      quiesce: true,
      ...changes,
    };
  }

  async function run(wanted: CreateRequest) {
    const plan = await application.plan(wanted);
    expect(plan.refusals).toEqual([]);
    const id = await application.begin(plan);
    return { id, plan, operation: await application.rests(id, 400_000) };
  }

  const outputs = (id: string) =>
    application
      .operation(id)
      .steps.map(({ output }) => output)
      .join('\n');

  const snapshotNames = async () => (await virsh('snapshot-list', vm.uuid, '--name')).stdout.split('\n');

  it('freezes while the snapshot is taken, and thaws', async () => {
    const fault = host.addFault({ command: 'snapshot-create-as', effect: 'hold' });
    const wanted = request();
    const plan = await application.plan(wanted);
    expect(plan.warnings.find(({ code }) => code === 'quiesced')?.names).toEqual(vm.fileSystems);
    const id = await application.begin(plan);
    await held(fault);
    expect(await freezeStatus()).toBe('frozen');
    fault.release();
    fault.remove();
    expect(describe(await application.rests(id, 400_000))).toMatch(/^succeeded/);
    expect(outputs(id)).toContain('are thawed again');
    expect(await snapshotNames()).toContain(wanted.name);
    expect(await freezeStatus()).toBe('thawed');
  });

  it('freezes for a snapshot of one of the disks', async () => {
    const [first, second] = [await host.activeImage('vda'), await host.activeImage('vdb')];
    const { operation } = await run(request({ diskTargets: ['vdb'] }));
    expect(describe(operation)).toMatch(/^succeeded/);
    expect(await host.activeImage('vda')).toBe(first);
    expect(await host.activeImage('vdb')).not.toBe(second);
    expect((await host.isClean?.(second)) ?? true).toBe(true);
  });

  it('thaws where libvirt fails to take the snapshot', async () => {
    const wanted = request();
    const fault = host.addFault({ command: 'snapshot-create-as', effect: 'fail' });
    const { id, operation } = await run(wanted);
    fault.remove();
    expect(operation.state).toBe('failed');
    expect(outputs(id)).toContain('are thawed again');
    expect(await snapshotNames()).not.toContain(wanted.name);
  });

  it('leaves frozen what somebody else froze before, and says so', async () => {
    const wanted = request();
    const plan = await application.plan(wanted);
    await virsh('domfsfreeze', vm.uuid);
    try {
      const refused = await application.plan(request());
      expect(refused.refusals.map(({ code }) => code)).toEqual(['frozenAlready']);
      const id = await application.begin(plan);
      expect((await application.rests(id, 60_000)).state).toBe('failed');
      expect(outputs(id)).toContain('are frozen already');
      expect(await freezeStatus()).toBe('frozen');
      expect(await snapshotNames()).not.toContain(wanted.name);
    } finally {
      await virsh('domfsthaw', vm.uuid);
    }
  });

  for (const { inWords, begin } of host.failures)
    it(`takes no snapshot and thaws where the agent ${inWords} while it freezes`, async () => {
      await begin();
      const wanted = request();
      const { id, operation } = await run(wanted);
      expect(operation.state).toBe('failed');
      expect(outputs(id)).toContain('They are not frozen now, and no snapshot was taken.');
      expect(await snapshotNames()).not.toContain(wanted.name);
    });

  it('thaws by itself where its command on the host is killed while the guest is frozen', async () => {
    const fault = host.addFault({ command: 'snapshot-create-as', effect: 'hold' });
    const id = await application.begin(await application.plan(request()));
    await held(fault);
    expect(await freezeStatus()).toBe('frozen');
    await host.killStep();
    await expect.poll(freezeStatus, { timeout: 30_000, interval: 200 }).toBe('thawed');
    fault.release();
    fault.remove();
    await application.bringToEnd(id, ['undo', 'resume', 'forget'], 60_000);
  });

  it('says of a paused VM and of a silent agent what is to be done', async () => {
    await virsh('suspend', vm.uuid);
    expect((await application.plan(request())).refusals.map(({ code }) => code)).toEqual(['agentStandsStill']);
    await virsh('resume', vm.uuid);
    await host.silenceAgent();
    const { agent } = await application.ask('guests.askAgent', { hostId: application.hostId, vmUuid: vm.uuid });
    expect(agent?.state).toBe('silent');
    expect((await application.plan(request())).refusals.map(({ code }) => code)).toEqual(['agentSilent']);
  });

  declareMore({ application: () => application, request, run, snapshotNames, freezeStatus, held });
}
