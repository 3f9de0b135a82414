/** What real and simulated hosts must do alike when new VMs are made of others. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { carryOutOn, type PlannedHost } from '../carry-out.fixtures.ts';
import { planLibvirt } from '../plan.ts';

type CloneRequest = Extract<ChangeRequest, { action: 'cloneVm' }>;

interface MadeVm {
  readonly uuid: string;
  readonly images: Readonly<Record<string, string>>;
}

/** A host with one VM of the disks vda and vdb (raw), and room for another. */
export interface CloneHost {
  planned(): PlannedHost;
  createVirtualMachine(): Promise<MadeVm>;
  /** Both, the new one first. */
  deleteVirtualMachines(): Promise<void>;
  readonly newVm: { readonly uuid: string; readonly name: string };
  virsh(argv: readonly string[]): Promise<unknown>;
  /** What a host of tests needs for the new VM to run there, and the start. */
  startNew(): Promise<void>;
  write(vmUuid: string, target: string, byte: number): Promise<void>;
  reads(vmUuid: string, target: string, byte: number): Promise<boolean>;
  /** What is read through an image. */
  imageReads(image: string, byte: number): Promise<boolean>;
}

export function cloneSuite(host: CloneHost): void {
  let vm: MadeVm;
  const clone = (parts: Partial<CloneRequest>): CloneRequest => ({
    action: 'cloneVm',
    vmUuid: vm.uuid,
    snapshotId: null,
    kind: 'full',
    newVm: host.newVm,
    ...parts,
  });
  const made = host.newVm.uuid;
  const refusals = async (request: ChangeRequest) =>
    planLibvirt('qemu:///system', request, await host.planned().read()).refusals.map(({ code }) => code);
  const external = (name: string) =>
    host.virsh(['snapshot-create-as', vm.uuid, `--name=${name}`, '--disk-only', '--atomic']);

  beforeEach(async () => {
    await host.deleteVirtualMachines();
    vm = await host.createVirtualMachine();
  });
  afterEach(() => host.deleteVirtualMachines());

  it('hangs a thin instance on a snapshot of a VM that runs on, and both run and write for themselves', async () => {
    await host.virsh(['start', vm.uuid]);
    await host.write(vm.uuid, 'vda', 0x11);
    await host.write(vm.uuid, 'vdb', 0x12);
    await external('golden');
    await host.write(vm.uuid, 'vda', 0x21);

    const { after } = await carryOutOn(host.planned(), clone({ kind: 'thin', snapshotId: 'golden' }));
    expect(after.newVm?.chains.map(({ imageIds }) => imageIds[1])).toEqual([vm.images['vda'], vm.images['vdb']]);
    await host.startNew();
    const read = () =>
      Promise.all([host.reads(made, 'vda', 0x11), host.reads(made, 'vdb', 0x12), host.reads(vm.uuid, 'vda', 0x21)]);
    expect(await read()).toEqual([true, true, true]);
    await host.write(made, 'vda', 0x31);
    await host.write(made, 'vdb', 0x32);
    expect(await host.reads(vm.uuid, 'vda', 0x21)).toBe(true);
    expect(await host.reads(vm.uuid, 'vdb', 0x12)).toBe(true);
    expect(await host.imageReads(vm.images['vda'] ?? '', 0x11)).toBe(true);
    expect((await host.planned().read()).vms.find(({ uuid }) => uuid === made)).toMatchObject({
      name: host.newVm.name,
      state: 'running',
      problems: [],
    });
    // Its data is no longer only the old VM's.
    const deletion = {
      action: 'deleteSnapshot',
      vmUuid: vm.uuid,
      snapshotId: 'golden',
      withDescendants: false,
    } as const;
    expect(await refusals(deletion)).toContain('imageHasDependents');
  });

  it('copies a chain and a raw disk into a full clone', async () => {
    await host.write(vm.uuid, 'vda', 0x51);
    await host.write(vm.uuid, 'vdb', 0x52);
    await external('one');
    const plan = await carryOutOn(host.planned(), clone({}));
    expect(plan.after.newVm?.chains.map(({ imageIds }) => imageIds.length)).toEqual([1, 1]);
    await host.write(vm.uuid, 'vda', 0x61);
    await host.startNew();
    expect(await host.reads(made, 'vda', 0x51)).toBe(true);
    expect(await host.reads(made, 'vdb', 0x52)).toBe(true);
  });

  it('does not make a VM of disks that change meanwhile, or of part of a snapshot', async () => {
    await host.virsh(['start', vm.uuid]);
    expect(await refusals(clone({}))).toContain('vmState');
    await host.virsh([
      ...['snapshot-create-as', vm.uuid, '--name=part', '--disk-only', '--atomic'],
      ...['--diskspec', 'vda', '--diskspec', 'vdb,snapshot=no'],
    ]);
    expect(await refusals(clone({ snapshotId: 'part' }))).toContain('partial');
  });
}
