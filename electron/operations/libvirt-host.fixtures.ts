/** For tests: the host in memory of fake-host.fixtures.ts as one with libvirt, and plans of the libvirt driver for it. */
import { disk, held, image, internal, inventory, overlay, vm } from '../../shared/model/inventory.fixtures.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { planLibvirt } from '../hypervisors/libvirt/plan/plan.ts';
import { FakeHost, hostId, vmUuid } from './fake-host.fixtures.ts';
import { createPlanService } from './plans/plans.ts';
import type { PlanService } from './plans/plans.ts';

const active = '/srv/vms/wéb.qcow2';
const later = '/srv/vms/wéb.later.qcow2';
const parents = new Map([
  ['base state', null],
  ['before the update', 'base state'],
  ['nightly-1', 'before the update'],
  ['nightly-2', 'before the update'],
]);

/** What is asked of `LibvirtHost` in the corpus and in tests, by what it is. */
export const requests = {
  'delete-subtree': {
    action: 'deleteSnapshot',
    vmUuid,
    snapshotId: 'before the update',
    withDescendants: true,
  },
  revert: { action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'base state' },
  'create-internal': {
    action: 'createSnapshot',
    vmUuid,
    kind: 'internal',
    name: 'new',
    description: 'for the\nupdate – ünïcode',
    diskTargets: null,
  },
  'create-external': {
    action: 'createSnapshot',
    vmUuid,
    kind: 'external',
    name: 'later',
    description: '',
    diskTargets: null,
  },
  pause: { action: 'changePower', vmUuid, to: 'suspend' },
} as const satisfies Record<string, ChangeRequest>;

/** A host with one running VM, whose snapshots come and go as virsh is told. */
export class LibvirtHost extends FakeHost {
  names = [...parents.keys()];
  current = 'nightly-2';
  isOverlaid = false;

  override effect = (argv: readonly string[]): void => {
    const valueOf = (option: string) => argv.find((word) => word.startsWith(option))?.slice(option.length) ?? '';
    if (argv.includes('snapshot-delete')) {
      this.names = this.names.filter((name) => name !== valueOf('--snapshotname='));
      if (!this.names.includes(this.current)) this.current = 'base state';
    } else if (argv.includes('snapshot-revert')) this.current = valueOf('--snapshotname=');
    else if (argv.includes('suspend')) this.vmState = 'paused';
    else if (argv.includes('--disk-only')) this.isOverlaid = true;
    else if (argv.includes('snapshot-create-as')) {
      this.names = [...this.names, valueOf('--name=')];
      this.current = valueOf('--name=');
    }
  };

  override get inventory(): Inventory {
    const internals = this.names.map((name, index) => ({
      id: String(index + 1),
      name,
      createdAt: 1_794_000_000 + index,
      memoryBytes: 1000,
    }));
    const snapshots = this.names.map((name) =>
      internal(name, parents.get(name) ?? null, { createdAt: 1_794_000_000, disks: [held('vda', active)] }),
    );
    const external = internal('later', this.current, {
      createdAt: 1_795_000_005,
      kind: 'external',
      memory: { kind: 'none' },
      disks: [{ target: 'vda', kind: 'external', dataImageId: active, overlayImageId: later }],
    });
    return inventory(
      [
        vm({
          uuid: vmUuid,
          name: 'wéb "1"',
          state: this.vmState,
          disks: [disk('vda', this.isOverlaid ? later : active)],
          snapshots: this.isOverlaid ? [...snapshots, external] : snapshots,
          currentSnapshotId: this.isOverlaid ? 'later' : this.current,
        }),
      ],
      [image(active, { internalSnapshots: internals }), ...(this.isOverlaid ? [overlay(later, active)] : [])],
    );
  }
}

/** Plans for `host` by the libvirt driver. */
export function planServiceFor(host: FakeHost, clock: () => number, newId: () => string): PlanService {
  return createPlanService({
    askGuestAgent: () => Promise.resolve(null),
    driverFor: () => ({ plan: (request, found) => planLibvirt('qemu:///system', request, found) }),
    readHost: () => Promise.resolve({ inventory: host.inventory, hostName: 'kvm1' }),
    isReadOnly: () => host.readOnly,
    clock,
    newId,
  });
}

/** A plan for `host` as it is. */
export function planOn(host: LibvirtHost, what: keyof typeof requests) {
  return planServiceFor(
    host,
    () => 1_795_000_000,
    () => '33333333-3333-4333-8333-333333333333',
  ).create(hostId, requests[what]);
}
