/** VMs that procedures are tried on, made past Snaptree, and the model of what is in them. */
import {
  carriedOut,
  empty,
  places,
  without,
  written,
  type Content,
  type ModelSnapshot,
  type ModelVm,
} from '../model/disk-model.fixtures.ts';
import { baseByte, vmSpecs, type ModelHost, type ModelVmSpec } from '../model/model-host.fixtures.ts';

const [one, two] = vmSpecs as readonly [ModelVmSpec, ModelVmSpec];
export const vmUuid = one.uuid;
export const folder = '/run/images';

export type SceneStep =
  | { readonly start: true }
  | { readonly end: true }
  | { readonly suspend: true }
  /** To every place of it where `at` is left out. */
  | { readonly write: string; readonly byte: number; readonly at?: readonly number[] }
  | { readonly snapshot: string; readonly kind: 'internal' | 'external' | 'withMemory' }
  /** Any line of virsh. */
  | { readonly virsh: string }
  /** Any line of shell. */
  | { readonly host: string }
  /** Somebody merged images by hand: what the first snapshot is read from holds what the second one does. */
  | { readonly alike: readonly [string, string] }
  /** The record of a snapshot goes, and its data stays. */
  | { readonly lost: string }
  /** A record that was lost is defined again, as the current one. */
  | { readonly back: string; readonly below: string; readonly file: string };

export interface Scene {
  readonly steps: readonly SceneStep[];
}

/** Where a snapshot's overlay is, by what the scenes call it. */
export const overlayOf = (target: string, snapshot: string): string => `${folder}/one-${target}-${snapshot}.qcow2`;
export const firstImageOf = (target: string): string => `${folder}/one-${target}.qcow2`;
export const memoryOf = (snapshot: string): string => `${folder}/one-${snapshot}.memory`;

/** What is there then. */
export interface SceneModel {
  /** By UUID. */
  readonly models: ReadonlyMap<string, ModelVm>;
  /** Snapshots of the first VM whose records were lost, by name. */
  readonly lost: ReadonlyMap<string, ModelSnapshot>;
}

/** Makes both VMs and carries the steps out on the first. */
export async function makeScene(host: ModelHost, { steps }: Scene): Promise<SceneModel> {
  await host.furnish();
  const content = (target: string): Content => (target === 'vda' ? empty.map(() => baseByte) : empty);
  const models = new Map<string, ModelVm>(
    [one, two].map(({ uuid, targets }) => [
      uuid,
      { disks: new Map(targets.map((target) => [target, content(target)])), snapshots: new Map(), current: null },
    ]),
  );
  let model = models.get(one.uuid);
  if (!model) throw new Error('There is no model of the VM.');
  const lost = new Map<string, ModelSnapshot>();
  const snapshotOf = (vm: ModelVm, name: string): ModelSnapshot => {
    const found = vm.snapshots.get(name);
    if (!found) throw new Error(`The scene has no snapshot ${name}.`);
    return found;
  };
  let state = 'shut off';
  let active = new Map(one.targets.map((target) => [target, firstImageOf(target)]));
  const virsh = (line: string) => host.secluded.sh(`virsh -q -c qemu:///system ${line} >/dev/null`);
  for (const step of steps) {
    if ('write' in step) {
      const at = step.at ?? Array.from({ length: places }, (_, place) => place);
      await host.write(one, { state, active, snapshots: new Map(), current: null }, step.write, at, step.byte);
      model = written(model, step.write, at, step.byte);
    } else if ('snapshot' in step) {
      const { snapshot: name, kind } = step;
      const disks = one.targets.map(
        (target) => `--diskspec ${target},snapshot=external,file=${overlayOf(target, name)}`,
      );
      const how =
        kind === 'internal'
          ? ''
          : kind === 'external'
            ? `--disk-only --atomic ${disks.join(' ')}`
            : `--atomic --memspec file=${memoryOf(name)},snapshot=external ${disks.join(' ')}`;
      await virsh(`snapshot-create-as ${one.uuid} ${name} ${how}`);
      if (kind !== 'internal') active = new Map(one.targets.map((target) => [target, overlayOf(target, name)]));
      const request = {
        action: 'createSnapshot',
        vmUuid,
        kind: 'external',
        description: '',
        diskTargets: null,
      } as const;
      model = carriedOut(model, { ...request, name }, new Set());
    } else if ('virsh' in step) await virsh(step.virsh);
    else if ('host' in step) await host.secluded.sh(step.host);
    else if ('alike' in step) {
      const [name, other] = step.alike;
      const merged: ModelSnapshot = { ...snapshotOf(model, name), disks: snapshotOf(model, other).disks };
      model = { ...model, snapshots: new Map(model.snapshots).set(name, merged) };
    } else if ('back' in step) {
      const { back: name, below: parent, file } = step;
      const { disks }: ModelSnapshot = lost.get(name) ?? snapshotOf(model, name);
      model = { ...model, snapshots: new Map(model.snapshots).set(name, { parent, disks }), current: name };
      lost.delete(name);
      await virsh(`snapshot-create ${one.uuid} ${file} --redefine --current`);
    } else if ('lost' in step) {
      lost.set(step.lost, snapshotOf(model, step.lost));
      model = without(model, new Set([step.lost]));
      await virsh(`snapshot-delete ${one.uuid} ${step.lost} --metadata`);
    } else {
      await virsh(`${'start' in step ? 'start' : 'end' in step ? 'destroy' : 'suspend'} ${one.uuid}`);
      state = 'start' in step ? 'running' : 'end' in step ? 'shut off' : 'paused';
    }
  }
  return { models: models.set(one.uuid, model), lost };
}
