/** The steps of which plans to merge are made. Pure. */
import type { Disk, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { Expectation, PlanStep } from '../../../../../shared/model/plan.ts';
import { activeLayersStay } from '../../../planning/chain-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import { allocated } from './merge-room.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { blockJobArgv, type BlockJob } from './block-job-script.ts';
import { begunRecords } from './begun-plan.ts';
import { dropRecordsArgv } from './drop-records.ts';
import { offlineCommitArgv, offlineRebaseArgv, referenceArgv } from './image-script.ts';
import {
  idsOf,
  isNamedRelatively,
  isRangeMerged,
  mergeMark,
  nameOfBase,
  rangeGroup,
  type MergeRange,
} from './merge-ranges.ts';
import { replacementsBy } from './merge-records.ts';
import { editArgv, type Replacement } from './record-script.ts';

export type Step = Omit<PlanStep, 'index'>;

const unchanging = (): Pick<Step, 'reads' | 'writes' | 'creates' | 'invalidates' | 'deletes'> => ({
  ...touchesNothing,
});

/** The steps of one merge: it can be given up while it runs, and its end is looked for where it was cut off. */
function mergeStep(range: MergeRange): Pick<Step, 'group' | 'cancellation' | 'whenInterrupted' | 'runs'> {
  return {
    group: rangeGroup(range),
    cancellation: 'abort',
    whenInterrupted: 'takeUp',
    runs: 'inOrder',
  };
}

/** What must hold when images are merged into \`range.base\`. */
export function committed({ disk, above, base }: MergeRange): Expectation[] {
  if (base === null) return [];
  return above === null
    ? [{ kind: 'activeLayer', target: disk.target, imageId: base.image.id }]
    : [{ kind: 'imageParent', imageId: above.image.id, parentId: base.image.id }];
}

/** Merges down while the VM runs. */
export function liveCommit(range: MergeRange, bytesPerSecond: number | null, context: LibvirtContext): Step {
  const { disk, above, merged, base } = range;
  const [top] = merged;
  const job: BlockJob = {
    uri: context.uri,
    vmUuid: context.vm.uuid,
    target: disk.target,
    kind: above === null ? 'activeCommit' : 'commit',
    base: base?.path ?? '',
    top: top?.path ?? '',
    bytesPerSecond,
    mark: mergeMark(range),
    isRelative: isNamedRelatively(range),
  };
  return {
    title: commitTitle(range),
    argv: blockJobArgv(job),
    ...unchanging(),
    reads: [...idsOf(merged)],
    writes: base ? [base.image.id] : [],
    invalidates: [...(base ? [base.image.id] : []), ...idsOf(merged)],
    verify: [...committed(range), { kind: 'noBlockJob', target: disk.target }],
    ...mergeStep(range),
  };
}

/** Merges up while the VM runs. */
export function livePull(range: MergeRange, bytesPerSecond: number | null, context: LibvirtContext): Step {
  const { disk, above, merged, base } = range;
  const [top] = merged;
  return {
    title: pullTitle(range),
    argv: blockJobArgv({
      uri: context.uri,
      vmUuid: context.vm.uuid,
      target: disk.target,
      kind: 'pull',
      base: base?.path ?? '',
      top: top?.path ?? '',
      bytesPerSecond,
      mark: mergeMark(range),
      isRelative: isNamedRelatively(range),
    }),
    ...unchanging(),
    reads: [...idsOf(merged)],
    writes: above ? [above.image.id] : [],
    verify: [...pulled(range), { kind: 'noBlockJob', target: disk.target }],
    ...mergeStep(range),
  };
}

/** Merges down while the VM is shut off: the data first, and then what hangs on it. */
export function offlineCommit(
  range: MergeRange,
  context: LibvirtContext,
): { readonly merge: Step; readonly hang: Step } {
  const { disk, above, merged, base } = range;
  const [top] = merged;
  if (!top || !base) throw new Error('there is nothing to commit');
  const baseFormat = base.image.format ?? 'raw';
  return {
    merge: {
      title: commitTitle(range),
      argv: offlineCommitArgv({
        uri: context.uri,
        vmUuid: context.vm.uuid,
        mark: mergeMark(range),
        top: top.path,
        topFormat: top.image.format ?? 'qcow2',
        base: base.path,
        bytes: allocated(merged),
      }),
      ...unchanging(),
      reads: [...idsOf(merged)],
      writes: [base.image.id],
      invalidates: [base.image.id, ...idsOf(merged)],
      // That the data is there is in the command's exit code only. One by one, what is merged now is what the VM uses by now.
      verify: [
        ...activeLayersStay([above === null ? { ...disk, imageId: top.image.id } : disk]),
        { kind: 'vmState', oneOf: ['shutoff'] },
      ],
      ...mergeStep(range),
      whenInterrupted: 'redo',
    },
    hang: above
      ? {
          title: `Let ${above.image.id} hang on ${base.image.id}`,
          argv: referenceArgv(above.path, above.image.format ?? 'qcow2', {
            name: nameOfBase(range),
            format: baseFormat,
          }),
          ...unchanging(),
          writes: [above.image.id],
          verify: committed(range),
          ...plainStep,
          whenInterrupted: 'redo',
        }
      : {
          title: `Let disk ${disk.target} of ${context.vm.name} use ${base.image.id}`,
          argv: editArgv({
            uri: context.uri,
            vmUuid: context.vm.uuid,
            replacements: replacementsBy(base, top),
            snapshotNames: [],
            definition: 'shutOff',
          }),
          ...unchanging(),
          verify: committed(range),
          ...plainStep,
          whenInterrupted: 'redo',
        },
  };
}

/** Merges up while the VM is shut off. */
export function offlinePull(range: MergeRange, context: LibvirtContext): Step {
  const { above, merged, base } = range;
  if (!above) throw new Error('there is nothing that pulls');
  return {
    title: pullTitle(range),
    argv: offlineRebaseArgv({
      uri: context.uri,
      vmUuid: context.vm.uuid,
      overlay: above.path,
      overlayFormat: above.image.format ?? 'qcow2',
      base: base === null ? null : { name: nameOfBase(range), format: base.image.format ?? 'raw' },
      bytes: allocated(merged),
    }),
    ...unchanging(),
    reads: [...idsOf(merged)],
    writes: [above.image.id],
    verify: [...pulled(range), { kind: 'vmState', oneOf: ['shutoff'] }],
    ...mergeStep(range),
    whenInterrupted: 'redo',
  };
}

/**
 * A definition that was written while the VM ran names its chain (`<backingStore>`), and libvirt goes by that: the VM would go on
 * with the merged images. Without it, libvirt reads the chain from the images.
 */
export function definitionFollows(disks: readonly Disk[], context: LibvirtContext): Step {
  const { vm, images } = context;
  return {
    title: `Bring the definition of ${vm.name} in line with the chain`,
    argv: editArgv({
      uri: context.uri,
      vmUuid: vm.uuid,
      // Each disk keeps its own image; what is said of the chain below that is left out.
      replacements: disks.flatMap(({ imageId, source, format }) => {
        const image = imageId === null ? undefined : images.get(imageId);
        const paths = [source, imageId].filter((path) => path !== null);
        return [...new Set(paths)].map((path) => ({
          from: path,
          to: path,
          format: format ?? image?.format ?? 'raw',
          isBlock: image?.kind === 'block',
        }));
      }),
      snapshotNames: [],
      definition: 'shutOff',
    }),
    ...unchanging(),
    verify: activeLayersStay(disks),
    ...plainStep,
    whenInterrupted: 'redo',
  };
}

export function pulled({ disk, above, base }: MergeRange): Expectation[] {
  if (!above) return [];
  return [
    ...activeLayersStay([disk]),
    { kind: 'imageParent', imageId: above.image.id, parentId: base?.image.id ?? null },
  ];
}

/**
 * Removes the records of snapshots whose data the merge before it changes, as soon as it has begun: also where it was given up or
 * failed, for then that data is not what it was either.
 */
export function spoiledRecordsGo(
  range: MergeRange,
  spoiled: readonly Snapshot[],
  /** The records that the steps before it have removed, in their order. */
  gone: readonly Snapshot[],
  context: LibvirtContext,
): readonly Step[] {
  // As they were reviewed: some of them may be gone already.
  const begun = isRangeMerged(range, context) ? begunRecords(range, context) : null;
  const names = begun?.names ?? spoiled.map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    {
      title: `Remove the record${names.length === 1 ? '' : 's'} of ${listed(names.map((name) => `"${name}"`))}, whose data is changed`,
      argv: begun?.argv ?? dropRecordsArgv(spoiled, mergeMark(range), context, gone),
      ...unchanging(),
      verify: [],
      ...mergeStep(range),
      cancellation: 'never',
      whenInterrupted: 'redo',
      runs: 'always',
    },
  ];
}

/**
 * Lets the records of the snapshots that stay, and the definition, name the images that took up others where they name those.
 *
 * @param inPlace what the merges brought about
 */
export function recordsFollow(
  inPlace: readonly Expectation[],
  replacements: readonly Replacement[],
  {
    stay,
    goneIds,
    verify,
  }: { readonly stay: readonly Snapshot[]; readonly goneIds: readonly string[]; readonly verify: Expectation[] },
  context: LibvirtContext,
): Step {
  return {
    title: 'Bring the records of the snapshots in line with the chain',
    argv: editArgv({
      uri: context.uri,
      vmUuid: context.vm.uuid,
      replacements,
      snapshotNames: stay.map(({ name }) => name),
      definition: context.vm.persistent ? 'yes' : 'no',
    }),
    ...unchanging(),
    verify: [
      ...inPlace,
      ...goneIds.map((snapshotId): Expectation => ({ kind: 'snapshotAbsent', snapshotId })),
      ...verify,
    ],
    ...plainStep,
    whenInterrupted: 'redo',
  };
}

function commitTitle({ disk, merged, base, above }: MergeRange): string {
  const what = merged.length === 1 ? (merged[0]?.image.id ?? '') : `${merged.length} images`;
  return `Merge ${what} down into ${base?.image.id ?? ''} (disk ${disk.target}${above === null ? ', then the VM writes there' : ''})`;
}

function pullTitle({ disk, above, merged, base }: MergeRange): string {
  const what = merged.length === 1 ? (merged[0]?.image.id ?? '') : `${merged.length} images`;
  return `Merge ${what} up into ${above?.image.id ?? ''} (disk ${disk.target}${base === null ? ', which then stands alone' : ''})`;
}
