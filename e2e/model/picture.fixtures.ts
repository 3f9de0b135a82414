/** What Snaptree shows of a host against what is there, in sentences. Pure. */
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import { chainOfDisk, dependentsIndex, dependentsOf, imagesById } from '../../shared/rules/chains/chains.ts';
import { chainBelow, type ImageFacts, type VmFacts } from './model-host.fixtures.ts';

export interface Truth {
  readonly vms: ReadonlyMap<string, VmFacts>;
  readonly images: ReadonlyMap<string, ImageFacts>;
}

/** Of what virsh says, the word that Snaptree has for it. */
export function shownState(state = ''): string {
  return state === 'shut off' ? 'shutoff' : state;
}

export function readableVm(shown: Inventory, uuid: string): ReadableVm {
  const vm = shown.vms.find((each) => each.uuid === uuid);
  if (!vm?.readable) throw new Error(`The VM ${uuid} is not readable.`);
  return vm;
}

/**
 * Where the picture is not the truth: trees, chains, dependents, and what is said to be wrong where nothing is.
 *
 * @param givenUp VMs, by UUID, of which a procedure was left in the middle: of these something may rightly be said to be wrong
 */
export function wrongPictures(shown: Inventory, truth: Truth, givenUp: ReadonlySet<string>): readonly string[] {
  return [
    ...differ('the VMs', shown.vms.map(({ uuid }) => uuid).sort(), [...truth.vms.keys()].sort()),
    ...[...truth.vms].flatMap(([uuid, facts]) => {
      const vm = readableVm(shown, uuid);
      const problems = givenUp.has(uuid) ? [] : vm.problems;
      return wrongVm(vm.name, { ...vm, problems }, facts, shown, truth);
    }),
    ...wrongImages(shown, truth),
    ...shown.problems.map(({ message }) => `The host is said to have a problem: ${message}`),
    ...shown.unknownDependents.map(({ what }) => `It is said not to be known what ${what} depends on.`),
  ];
}

function wrongVm(name: string, vm: ReadableVm, facts: VmFacts, shown: Inventory, truth: Truth): readonly string[] {
  const images = imagesById(shown.images);
  const shownTree = new Map(vm.snapshots.map((snapshot) => [snapshot.name, snapshot.parentId]));
  return [
    ...differ(`the state of ${name}`, vm.state === 'idle' ? 'running' : vm.state, shownState(facts.state)),
    ...differ(`the tree of ${name}`, sorted(shownTree), sorted(facts.snapshots)),
    ...differ(`where ${name} is`, vm.currentSnapshotId, facts.current),
    ...vm.disks.flatMap((disk) =>
      differ(
        `the chain of ${disk.target} of ${name}`,
        (chainOfDisk(disk, images)?.images ?? []).map(({ id }) => id),
        chainBelow(facts.active.get(disk.target) ?? '', truth.images),
      ),
    ),
    ...vm.problems.map(({ message }) => `${name} is said to have a problem: ${message}`),
  ];
}

function wrongImages(shown: Inventory, { images, vms }: Truth): readonly string[] {
  const there = shown.images.filter(({ status }) => status === 'ok');
  const index = dependentsIndex(shown);
  return [
    ...differ(
      'the images',
      there.map(({ id, parent, internalSnapshots }) => [id, parent?.imageId ?? null, internalSnapshots.length]).sort(),
      [...images].map(([path, { backing, internalSnapshots }]) => [path, backing, internalSnapshots]).sort(),
    ),
    ...[...images.keys()].flatMap((path) => {
      const { childImageIds, activeFor } = dependentsOf(path, index);
      const above = [...images].filter(([, { backing }]) => backing === path).map(([child]) => child);
      const users = [...vms].flatMap(([uuid, { active }]) =>
        [...active].filter(([, image]) => image === path).map(([target]) => `${uuid} ${target}`),
      );
      return [
        ...differ(`what hangs on ${path}`, [...childImageIds].sort(), above.sort()),
        ...differ(
          `who writes to ${path}`,
          activeFor.map(({ vm, disk }) => `${vm.uuid} ${disk.target}`).sort(),
          users.sort(),
        ),
      ];
    }),
  ];
}

/** Images that nothing names and that nothing hangs on. */
export function orphans(shown: Inventory, { images, vms }: Truth): readonly string[] {
  const recorded = shown.vms.flatMap((vm) =>
    vm.readable
      ? vm.snapshots.flatMap(({ disks }) => disks.flatMap((disk) => [disk.dataImageId, disk.overlayImageId]))
      : [],
  );
  const active = [...vms.values()].flatMap((facts) => [...facts.active.values()]);
  const backing = [...images.values()].map((image) => image.backing);
  const needed = new Set([...recorded, ...active, ...backing]);
  return [...images.keys()].filter((path) => !needed.has(path));
}

export function sorted<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @param shown and @param truth plain data */
export function differ(what: string, shown: unknown, truth: unknown): readonly string[] {
  const [a, b] = [JSON.stringify(shown), JSON.stringify(truth)];
  return a === b ? [] : [`As to ${what}: ${a}, and in truth ${b}.`];
}
