/** Batches and their plans as text. */
import type { Batch, BatchItem, BatchPlan, PlannedBatchItem } from '../../../../shared/model/batch.ts';
import { whyLeftOut } from '../../../../shared/rules/operations/batch-items.ts';
import { batchCounts, batchItemWords } from '../../../../shared/rules/operations/batch-words.ts';
import { readableBytes } from '../../../../shared/rules/text/units.ts';
import { shown, shownSentence } from '../output.ts';
import type { Paint } from '../output.ts';
import { count } from './words.ts';

export function batchPlanLines(batchPlan: BatchPlan, paint: Paint): readonly string[] {
  const { title, items, rooms, refusals, warnings } = batchPlan;
  const leftOut = items.filter((item) => whyLeftOut(item) !== null).length;
  return [
    paint('bold', shownSentence(title)),
    ...refusals.map(({ message }) => `${paint('red', 'Refused:')} ${shownSentence(message)}`),
    ...warnings.map(({ message }) => `${paint('yellow', 'Warning:')} ${shownSentence(message)}`),
    ...rooms.map(
      (room) =>
        `Space: ${neededWords(room)}; ${room.freeBytes === null ? 'how much is free is not known' : `${readableBytes(room.freeBytes)} free`} in ${room.folders.map(shown).join(', ')} on ${shown(room.hostName)}`,
    ),
    '',
    ...items.flatMap((item, position) => [
      ...(isSameVm(items[position - 1], item) ? [] : [`VM ${shown(item.vmName)} on ${shown(item.hostName)}`]),
      ...itemLines(item, paint),
    ]),
    '',
    ...warningLines(items, paint),
    `${count(items.length - leftOut, 'change')} to be made${leftOut === 0 ? '' : `, ${leftOut} left out`}.`,
  ];
}

function neededWords({ likelyBytes, atMostBytes, freedBytes }: BatchPlan['rooms'][number]): string {
  const needed =
    likelyBytes === null && atMostBytes === null
      ? 'needs what is not known'
      : `likely needs ${likelyBytes === null ? '?' : readableBytes(likelyBytes)} at once, at most ${atMostBytes === null ? '?' : readableBytes(atMostBytes)}`;
  return freedBytes === 0 ? needed : `${needed}; files of ${readableBytes(freedBytes)} are deleted`;
}

function isSameVm(one: PlannedBatchItem | undefined, other: PlannedBatchItem): boolean {
  return one?.hostId === other.hostId && one.request.vmUuid === other.request.vmUuid;
}

function itemLines(item: PlannedBatchItem, paint: Paint): readonly string[] {
  const why = whyLeftOut(item);
  const title = shownSentence(item.title);
  if (why !== null) return [`  ${paint('red', 'left out:')} ${title}`, `    ${shownSentence(why)}`];
  const { steps = [] } = item.plan ?? {};
  const deleted = steps.flatMap(({ deletes }) => deletes);
  return [
    `  ${item.index + 1}. ${title} (${count(steps.length, 'step')})`,
    ...deleted.map((path) => paint('yellow', `    deletes ${shown(path)}`)),
  ];
}

/** One of each kind, with how many changes have one of it: a hundred changes hardly have more than a handful of kinds. */
function warningLines(items: readonly PlannedBatchItem[], paint: Paint): readonly string[] {
  const runs = items.filter((item) => whyLeftOut(item) === null);
  const kinds = new Map<string, { readonly message: string; readonly of: readonly number[] }>();
  for (const { index, plan } of runs) {
    for (const { code, message } of plan?.warnings ?? []) {
      const known = kinds.get(code) ?? { message, of: [] };
      kinds.set(code, { ...known, of: [...new Set([...known.of, index])] });
    }
  }
  const lines = [...kinds.values()].map(({ message, of }) => {
    const whose =
      of.length === 1 ? `of change ${(of[0] ?? 0) + 1}` : `of ${of.length} changes, such as ${(of[0] ?? 0) + 1}`;
    return `${paint('yellow', 'Warning')} ${whose}: ${shownSentence(message)}`;
  });
  return lines.length === 0 ? [] : [...lines, ''];
}

const styles: Readonly<Record<BatchItem['state'], Parameters<Paint>[0]>> = {
  waiting: 'dim',
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  interrupted: 'yellow',
  notRun: 'yellow',
};

/** A batch with each of its changes. */
export function batchLines(batch: Batch, paint: Paint): readonly string[] {
  return [
    `${paint('bold', shownSentence(batch.title))}  ${batch.state}`,
    `Batch ${batch.id}: ${batchCounts(batch)}`,
    ...batch.items.flatMap(({ index, state, title, vmName, hostName, operationId, message }) => [
      `  ${index + 1}. ${paint(styles[state], batchItemWords[state])}: ${shownSentence(title)}, VM ${shown(vmName)} on ${shown(hostName)}${operationId === null ? '' : ` (operation ${operationId.slice(0, 8)})`}`,
      ...(message === null ? [] : [`    ${shownSentence(message)}`]),
    ]),
    ...(batch.state === 'interrupted'
      ? [`To go on: snaptree batches resume ${batch.id.slice(0, 8)} or snaptree batches forget ${batch.id.slice(0, 8)}`]
      : []),
  ];
}
