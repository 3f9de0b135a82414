/** From a file of plan commands, or from conditions, to a batch plan on paper. */
import { CommanderError } from '@commander-js/extra-typings';
import { SnaptreeError } from '../../../shared/errors.ts';
import { mostBatchItems } from '../../../shared/model/batch.ts';
import type { BatchRequest } from '../../../shared/model/batch.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { ReadableVm, Snapshot, Vm } from '../../../shared/model/inventory.ts';
import { writableDisks } from '../../../shared/rules/inventory/disks.ts';
import { canRun } from '../../../shared/rules/operations/batch-items.ts';
import { firstOf } from '../../../shared/rules/text/first-of.ts';
import { matchesPattern } from '../../../shared/rules/text/name-pattern.ts';
import type { Client, HostReading } from './client.ts';
import { refuseUnread } from './commands/plan-command.ts';
import type { AskedPlan, CommandContext, GlobalOptions } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { findVm } from './names.ts';
import { withSubcommands } from './program.ts';
import type { Program } from './program.ts';
import { readCommandFile } from './read-file.ts';
import { splitWords } from './shell-split.ts';
import { oneHost, placesOf, readHosts } from './targets.ts';
import type { TargetOptions } from './targets.ts';
import { batchPlanLines } from './text/batch-text.ts';

export interface BatchOptions extends GlobalOptions, TargetOptions {
  readonly delete?: true | undefined;
  readonly create?: string | undefined;
  /** In seconds. */
  readonly olderThan?: number | undefined;
  readonly nameMatches?: string | undefined;
  readonly vm?: readonly string[] | undefined;
  readonly kind?: 'internal' | 'external' | undefined;
}

/** One line of a file that holds plan commands. */
interface Line {
  readonly number: number;
  readonly asked: AskedPlan;
}

const mostErrors = 20;

/** No change is said in so many characters: it is another file that was named. */
const longestLine = 20_000;

/** Plans the batch and prints it. @param file null: by conditions */
export async function printBatchPlan(
  context: CommandContext,
  options: BatchOptions,
  file: string | null,
  programFor: (collecting: CommandContext) => Program,
): Promise<void> {
  await context.work(options, 'readOnly', async ({ client }) => {
    const requests =
      file === null
        ? await requestsByConditions(context, client, options)
        : await requestsOfLines(context, client, options, await linesOfFile(context, file, programFor));
    if (requests.length === 0) {
      throw new SnaptreeError(
        'snapshotNotFound',
        'There is nothing to plan: the conditions hold for nothing, or the file is empty.',
      );
    }
    if (requests.length > mostBatchItems) {
      throw new SnaptreeError(
        'invalidRequest',
        `That is ${requests.length} changes, and a batch has ${mostBatchItems} at most. Nothing was planned. Make several batches of it.`,
      );
    }
    context.output.progress('Planning …');
    const batchPlan = await client.ask('batches.plan', { requests: [...requests] });
    context.output.progress(null);
    if (options.json === true) context.document('batchPlan', { schema: 'snaptree.batchPlan', version: 1, batchPlan });
    else context.output.text(`${batchPlanLines(batchPlan, context.output.paint.out).join('\n')}\n`);
    return canRun(batchPlan) ? exitCodes.done : exitCodes.refused;
  });
}

/** Throws `invalidRequest` with every line that is not understood. */
async function linesOfFile(
  context: CommandContext,
  file: string,
  programFor: (collecting: CommandContext) => Program,
): Promise<readonly Line[]> {
  const text = await readCommandFile(file, 'The file of the batch');
  const lines: Line[] = [];
  const errors: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.length > longestLine ? null : splitWords(line);
    if (words?.length === 0) continue;
    const said =
      words === null
        ? line.length > longestLine
          ? `It has ${line.length} characters.`
          : 'A quote or a backslash is left open.'
        : await collected(context, words, programFor, (asked) => lines.push({ number: index + 1, asked }));
    if (said !== null) errors.push(`Line ${index + 1}: ${said}`);
  }
  throwTogether('invalidRequest', errors);
  return lines;
}

/** What the parser says against the words; null where it takes them. */
async function collected(
  context: CommandContext,
  words: readonly string[],
  programFor: (collecting: CommandContext) => Program,
  collect: (asked: AskedPlan) => void,
): Promise<string | null> {
  const said: string[] = [];
  const asked: AskedPlan[] = [];
  const program = programFor({ ...context, collectPlan: (one) => asked.push(one) });
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: () => undefined,
      writeErr: (text) => said.push(text),
    });
  }
  try {
    await program.parseAsync(['plan', ...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
  }
  asked.forEach(collect);
  if (asked.length > 0) return null;
  const [first = ''] = said.join('').trim().split('\n');
  return first.replace(/^error: /, '') || `“${words.join(' ')}” is no change that “snaptree plan” knows.`;
}

/** Reads each host once. Throws `invalidRequest` with every line whose VM or snapshot is not found, and what reading throws. */
async function requestsOfLines(
  context: CommandContext,
  client: Client,
  options: TargetOptions,
  lines: readonly Line[],
): Promise<readonly BatchRequest[]> {
  const errors: string[] = [];
  const places = await Promise.all(
    lines.map(async ({ number, asked }) => {
      const isPlaced = asked.options.host !== undefined || asked.options.uri !== undefined;
      try {
        return await placesOf(context, client, asked.text, isPlaced ? asked.options : options);
      } catch (error) {
        if (!SnaptreeError.is(error)) throw error;
        errors.push(`Line ${number}: ${error.message}`);
        return { hosts: [], name: asked.text };
      }
    }),
  );
  throwTogether('invalidRequest', errors);
  const hosts = new Map(places.flatMap((place) => place.hosts.map((host) => [host.id, host] as const)));
  const { readings, unreadHosts } = await readHosts(context, client, [...hosts.values()]);
  const requests = lines.flatMap(({ number, asked }, index) => {
    const place = places[index] ?? { hosts: [], name: asked.text };
    const isHere = ({ id }: Host) => place.hosts.some((host) => host.id === id);
    try {
      const found = findVm(
        place.name,
        readings.filter(({ host }) => isHere(host)),
      );
      refuseUnread(place.name, found, unreadHosts.filter(isHere));
      return [{ hostId: found.reading.host.id, request: asked.requestFor(found.vm, found.reading.inventory) }];
    } catch (error) {
      if (!SnaptreeError.is(error)) throw error;
      errors.push(`Line ${number}: ${error.message}`);
      return [];
    }
  });
  throwTogether('invalidRequest', errors);
  return requests;
}

function throwTogether(code: 'invalidRequest', errors: readonly string[]): void {
  if (errors.length === 0) return;
  const more = errors.length > mostErrors ? [`And ${errors.length - mostErrors} more.`] : [];
  throw new SnaptreeError(code, [...errors.slice(0, mostErrors), ...more, 'Nothing was planned.'].join(' '));
}

/**
 * Of every VM on the hosts that are named, or all of the host book. A host or VM that cannot be read is said to be missing. Throws
 * `vmNotFound` where one that is named is nowhere: the batch would silently be about fewer than its user thinks.
 */
async function requestsByConditions(
  context: CommandContext,
  client: Client,
  options: BatchOptions,
): Promise<readonly BatchRequest[]> {
  const isNamed = options.host !== undefined || options.uri !== undefined;
  const hosts = isNamed ? [await oneHost(context, client, options)] : client.hosts();
  if (hosts.length === 0) await oneHost(context, client, options);
  const { readings, unreadHosts } = await readHosts(context, client, hosts);
  if (unreadHosts.length > 0) {
    context.warn(`Without ${unreadHosts.map(({ name }) => name).join(', ')}: nothing there is in this batch.`);
  }
  const patterns = options.vm ?? null;
  const meant = readings
    .flatMap(({ inventory }) => inventory.vms)
    .filter((vm) => patterns === null || hasNameOf(vm, patterns));
  const unread = meant.filter(({ readable }) => !readable);
  if (unread.length > 0) {
    const names = unread.map(({ name, uuid }) => name ?? uuid);
    context.warn(`Without what cannot be read: nothing of ${firstOf(names)} is in this batch.`);
  }
  for (const pattern of (patterns ?? []).filter((each) => !meant.some((vm) => hasNameOf(vm, [each])))) {
    if (unreadHosts.length === 0 && !/[*?]/.test(pattern)) {
      throw new SnaptreeError('vmNotFound', `There is no VM named “${pattern}”. Nothing was planned.`);
    }
    context.warn(`No VM that was read is named “${pattern}”.`);
  }
  const now = Date.now() / 1000;
  return readings.flatMap((reading) =>
    vmsOf(reading, patterns).flatMap((vm) =>
      requestsOfVm(vm, options, now).map((request) => ({ hostId: reading.host.id, request })),
    ),
  );
}

function vmsOf({ inventory }: HostReading, patterns: readonly string[] | null): readonly ReadableVm[] {
  return inventory.vms.filter((vm): vm is ReadableVm => vm.readable && (patterns === null || hasNameOf(vm, patterns)));
}

function hasNameOf({ name, uuid }: Pick<Vm, 'name' | 'uuid'>, patterns: readonly string[]): boolean {
  return patterns.some((each) => matchesPattern(name ?? '', each) || uuid === each.toLowerCase());
}

function requestsOfVm(vm: ReadableVm, options: BatchOptions, now: number): readonly BatchRequest['request'][] {
  const { create: name } = options;
  if (name !== undefined) {
    const kind = options.kind ?? 'internal';
    const targets = writableDisks(vm.disks)
      .filter(({ source }) => source !== null)
      .map(({ target }) => target);
    const diskTargets = kind === 'internal' ? null : targets;
    return [{ action: 'createSnapshot', vmUuid: vm.uuid, kind, name, description: '', diskTargets }];
  }
  return vm.snapshots
    .filter((snapshot) => isMeant(snapshot, options, now))
    .map(({ id }) => ({ action: 'deleteSnapshot', vmUuid: vm.uuid, snapshotId: id, withDescendants: false }));
}

/** One whose time is not known is never older than anything. */
function isMeant({ name, kind, createdAt }: Snapshot, options: BatchOptions, now: number): boolean {
  const { olderThan, nameMatches } = options;
  return (
    (options.kind === undefined || kind === options.kind) &&
    (nameMatches === undefined || matchesPattern(name, nameMatches)) &&
    (olderThan === undefined || (createdAt !== null && now - createdAt > olderThan))
  );
}
