/** Plans that make records of snapshots whose data is there, and of which the VM has none. */
import type { Image, InternalSnapshot, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote } from '../../../../../shared/model/plan.ts';
import { dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import {
  corruptRefusals,
  chainRefusals,
  definedChainRefusals,
  otherPathRefusals,
} from '../../../../../shared/rules/chains/image-refusals.ts';
import {
  activeLayers,
  adoptionRefusals,
  momentOf,
  placementOf,
  writtenBelow,
  type Placement,
  type UnrecordedLayer,
} from '../../../../../shared/rules/repair/adoption.ts';
import { checkDescription, describeRefusals } from '../../../../../shared/rules/snapshots/record-refusals.ts';
import { checkSnapshotName } from '../../../../../shared/rules/snapshots/snapshot-names.ts';
import { copyOutLine } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import { chainOfDisk } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { numberRefusals, type LibvirtContext } from '../plan-rules.ts';
import { adoptArgv, type AdoptedDisk, type AdoptedRecord } from './adopt-script.ts';
import { keepRecordsStep, keptIn } from './keep-records.ts';

type AdoptRequest = Extract<ChangeRequest, { action: 'adoptSnapshot' }>;

/** A record that is to be made, or why none can be. */
interface Adoption {
  readonly refusals: PlanNote[];
  readonly warnings: PlanNote[];
  readonly snapshot: Snapshot;
  readonly record: Pick<AdoptedRecord, 'disks' | 'hasMemory'>;
  readonly placement: Placement;
  readonly reads: readonly string[];
}

export function planAdopt(request: AdoptRequest, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const { name, description, images } = request;
  const { refusals, warnings, snapshot, record, placement, reads } =
    images === null ? internalAdoption(request, context) : externalAdoption(request, images, context);
  const { parent, children, isCurrent } = placement;
  const currentSnapshotId = isCurrent ? name : vm.currentSnapshotId;
  const problem = checkDescription(description);
  const nameProblem = checkSnapshotName(name);
  const title = `Make a record of the snapshot "${name}" of ${vm.name}, whose data is there`;
  return {
    vmName: vm.name,
    title,
    refusals: [
      ...(problem === null ? [] : [note('badDescription', problem)]),
      ...(nameProblem === null ? [] : [note('badName', nameProblem)]),
      ...(vm.snapshots.some((each) => each.name === name)
        ? [note('nameTaken', `${vm.name} already has a snapshot named "${name}".`, [name])]
        : []),
      ...(vm.persistent
        ? []
        : [note('transient', `${vm.name} exists only as long as it runs, and so do the records of its snapshots.`)]),
      ...refusals,
      // Their records are written anew.
      ...children.flatMap((child) => describeRefusals(child, vm)),
    ],
    warnings: [
      ...warnings,
      note(
        'definitionOfToday',
        `How ${vm.name} was defined at that time is not known: the record takes its definition of today. Only the disks of that time are in the data.`,
      ),
      ...(children.length === 0
        ? []
        : [
            note(
              'recordsKept',
              `${listed(children.map((child) => `"${child.name}"`))} came later and ${children.length === 1 ? 'hangs' : 'hang'} below it then. Copies of their records stay in ${keptIn(context)} on the host.`,
            ),
          ]),
    ],
    rooms: [],
    expectedPause: null,
    steps: [
      ...(children.length === 0
        ? []
        : [
            keepRecordsStep(
              children.map((child) => child.name),
              context,
            ),
          ]),
      {
        title,
        argv: adoptArgv(
          {
            name,
            description,
            parentName: parent?.name ?? null,
            createdAt: snapshot.createdAt ?? 0,
            isCurrent,
            childNames: children.map((child) => child.name),
            ...record,
          },
          { uri: context.uri, vmUuid: vm.uuid },
        ),
        reads: [...reads],
        writes: [],
        creates: [],
        invalidates: [],
        deletes: [],
        verify: [
          { kind: 'snapshotExists', snapshotId: name },
          { kind: 'snapshotParent', snapshotId: name, parentId: parent?.id ?? null },
          ...children.map((child): Expectation => ({ kind: 'snapshotParent', snapshotId: child.id, parentId: name })),
          { kind: 'currentSnapshot', snapshotId: currentSnapshotId },
          ...dataIs(snapshot, name),
          ...children.flatMap((child) => dataIs(child, child.id)),
          ...activeLayersStay(vm.disks),
        ],
        ...plainStep,
      },
    ],
    after: {
      vmState: vm.state,
      chains: chainsOf(context),
      snapshots: [
        ...vm.snapshots.map((each) => (children.includes(each) ? { ...each, parentId: name } : each)),
        snapshot,
      ],
      currentSnapshotId,
    },
  };
}

function dataIs({ disks }: Snapshot, snapshotId: string): Expectation[] {
  return disks.flatMap(({ target, dataImageId }): Expectation[] =>
    dataImageId === null ? [] : [{ kind: 'snapshotData', snapshotId, target, dataImageId }],
  );
}

function externalAdoption(
  { name, description }: AdoptRequest,
  chosen: Readonly<Record<string, string>>,
  context: LibvirtContext,
): Adoption {
  const { vm, images, inventory, dependents } = context;
  const layers = Object.entries(chosen).flatMap(([target, imageId]): readonly UnrecordedLayer[] => {
    const disk = vm.disks.find((each) => each.target === target);
    const chain = (disk && chainOfDisk(disk, images)?.images) ?? [];
    const at = chain.findIndex(({ id }) => id === imageId);
    const [data, overlay] = [chain[at], chain[at - 1]];
    return disk && data && overlay ? [{ disk, data, overlay }] : [];
  });
  const found = new Set(layers.map(({ disk }) => disk.target));
  const notFound = Object.entries(chosen).filter(([target]) => !found.has(target));
  const placement = placementOf(layers, vm, images) ?? { parent: null, children: [], isCurrent: false };
  const moment = momentOf(layers, placement);
  const createdAt =
    moment ?? Math.min(Math.floor(inventory.readAt), ...placement.children.flatMap((child) => child.createdAt ?? []));
  const disks = layers.map(({ disk }) => disk);
  const withoutFormat = layers.flatMap(({ data, overlay }) => [data, overlay]).filter(({ format }) => format === null);
  const left = writableDisks(vm.disks).filter(({ target, imageId }) => imageId !== null && !found.has(target));
  const below = moment === null ? [] : writtenBelow(layers, moment, images);
  return {
    refusals: [
      ...(Object.keys(chosen).length === 0 ? [note('nothingToDo', 'No image was named.')] : []),
      ...notFound.map(([target, imageId]) =>
        note(
          'notInChain',
          `${imageId} is not below the active layer of disk ${target} of ${vm.name}, so it holds no state from which that goes on.`,
          [imageId],
        ),
      ),
      ...adoptionRefusals(layers, vm, images, (imageId) =>
        dependentsOf(imageId, dependents)
          .vms.filter(({ uuid }) => uuid !== vm.uuid)
          .map((other) => other.name),
      ),
      ...withoutFormat.map(({ id }) => note('formatUnknown', `The format of ${id} is not known.`, [id])),
      ...chainRefusals(context, disks),
      ...corruptRefusals(context, disks),
      ...definedChainRefusals(context, disks),
      ...otherPathRefusals(
        context,
        layers.map(({ disk, data }) => ({ disk, image: data })),
        vm.name,
      ),
    ],
    warnings: [
      ...(moment === null
        ? [
            note(
              'momentUnknown',
              'When that state was taken is not known: its image was written to at a time that does not fit between the snapshots around it, or nobody can tell. Look at what it holds before you rely on it.',
            ),
          ]
        : []),
      ...(below.length === 0
        ? []
        : [
            note(
              'writtenSince',
              `${listed([...new Set(below)])}, below it, ${below.length === 1 ? 'was' : 'were'} written to after that. If something was merged there by hand, that state is not what it was.`,
              below,
            ),
          ]),
      ...(left.length === 0
        ? []
        : [
            note(
              'disksLeftOut',
              `It holds nothing of ${listed(left.map(({ target }) => target))}: going back to it leaves ${left.length === 1 ? 'that disk' : 'those disks'} as now, of another time than the rest.`,
              left.map(({ target }) => target),
            ),
          ]),
    ],
    snapshot: {
      id: name,
      name,
      parentId: placement.parent?.id ?? null,
      kind: 'external',
      vmState: 'shutoff',
      createdAt,
      description,
      memory: { kind: 'none' },
      disks: layers.map(({ disk, data, overlay }) => ({
        target: disk.target,
        kind: 'external' as const,
        dataImageId: data.id,
        overlayImageId: overlay.id,
      })),
    },
    record: { hasMemory: false, disks: vm.disks.map((disk) => externalDisk(disk, layers)) },
    placement,
    reads: layers.map(({ data }) => data.id),
  };
}

function externalDisk(disk: LibvirtContext['vm']['disks'][number], layers: readonly UnrecordedLayer[]): AdoptedDisk {
  const layer = layers.find((each) => each.disk === disk);
  if (!layer) return { target: disk.target, kind: null, active: [], data: null, overlay: null };
  const place = ({ id, format, kind }: Image) => ({ path: id, format: format ?? 'raw', isBlock: kind === 'block' });
  return {
    target: disk.target,
    kind: 'external',
    active: activePaths(disk),
    data: place(layer.data),
    overlay: place(layer.overlay),
  };
}

/** By which its definition may name the active layer. */
function activePaths({ source, imageId, openedAs }: LibvirtContext['vm']['disks'][number]): readonly string[] {
  return [...new Set([source, imageId, openedAs ?? null].filter((path) => path !== null))];
}

/** Of an internal snapshot nothing says from which one it comes: it stands by itself. */
const alone: Placement = { parent: null, children: [], isCurrent: false };

function internalAdoption({ name, description }: AdoptRequest, context: LibvirtContext): Adoption {
  const { vm, images } = context;
  const layers = activeLayers(vm, images);
  const tagsOf = (image: Image | undefined): readonly InternalSnapshot[] =>
    (image?.internalSnapshots ?? []).filter((tag) => tag.name === name);
  const holding = layers.filter(({ image }) => tagsOf(image).length > 0);
  const tags = layers.flatMap(({ image }) => tagsOf(image));
  const [first] = tags;
  const times = tags.map(({ createdAt }) => createdAt);
  const hasMemory = tags.some(({ memoryBytes }) => memoryBytes > 0);
  const snapshot: Snapshot = {
    id: name,
    name,
    parentId: null,
    kind: 'internal',
    vmState: hasMemory ? 'running' : 'shutoff',
    createdAt: Math.floor(first?.createdAt ?? 0),
    description,
    memory: hasMemory ? { kind: 'internal' } : { kind: 'none' },
    disks: holding.map(({ disk, image }) => ({
      target: disk.target,
      kind: 'internal' as const,
      dataImageId: image?.id ?? null,
      overlayImageId: null,
    })),
  };
  const elsewhere = layers.filter(({ image }) => tagsOf(image).length === 0);
  const twice = layers.filter(({ image }) => tagsOf(image).length > 1);
  const copy =
    first && holding[0]?.image
      ? ` What it holds can be copied out: ${copyOutLine(holding[0].image.id, { id: first.id })}`
      : '';
  return {
    refusals: [
      ...(holding.length === 0
        ? [
            note(
              'notInImages',
              `No disk of ${vm.name} has an internal snapshot named "${name}" in its active layer, where libvirt looks for it.`,
              [name],
            ),
          ]
        : elsewhere.map(({ disk }) =>
            note(
              'notInEveryDisk',
              `Disk ${disk.target} has no internal snapshot named "${name}": libvirt would take all disks back by that name, and leave this one as it is or fail half-way.${copy}`,
              [disk.target],
            ),
          )),
      ...twice.map(({ image }) =>
        note(
          'ambiguousSnapshot',
          `${image?.id ?? ''} holds several snapshots named "${name}". Which one is meant cannot be told from the name.${copy}`,
          image ? [image.id] : [],
        ),
      ),
      ...(times.length > 1 && Math.max(...times) - Math.min(...times) > sameMomentSeconds
        ? [note('ordersDiffer', `What the disks hold under the name "${name}" is of different times.${copy}`, [name])]
        : []),
      ...(hasMemory && (first?.memoryBytes ?? 0) === 0
        ? [
            note(
              'memoryInOtherDisk',
              `The memory of "${name}" is not in the first disk, where QEMU looks for it.${copy}`,
            ),
          ]
        : []),
      ...numberRefusals(context, snapshot),
    ],
    warnings: [
      note(
        'lineageUnknown',
        `From which snapshot "${name}" comes is recorded nowhere: its record stands by itself in the tree. Going back to it leaves the other snapshots as they are.`,
      ),
      ...(hasMemory
        ? [
            note(
              'memoryNeedsDefinition',
              'Its memory fits only the definition of that time: where devices are others since, QEMU does not load it, and the VM ends shut off.',
            ),
          ]
        : []),
    ],
    snapshot,
    record: {
      hasMemory,
      disks: vm.disks.map((disk) => ({
        target: disk.target,
        ...(holding.some((each) => each.disk === disk)
          ? { kind: 'internal' as const, active: activePaths(disk) }
          : { kind: null, active: [] }),
        data: null,
        overlay: null,
      })),
    },
    placement: alone,
    reads: holding.flatMap(({ image }) => image?.id ?? []),
  };
}

/** In which all disks of one snapshot are taken. */
const sameMomentSeconds = 120;
