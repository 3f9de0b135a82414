/** Follows a batch to its end, with Ctrl-C as the request to begin nothing more of it. */
import type { Batch } from '../../../shared/model/batch.ts';
import { batchCounts, batchItemWords, isBatchUnderWay } from '../../../shared/rules/operations/batch-words.ts';
import type { CommandContext, GlobalOptions, Work } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { shown, shownSentence } from './output.ts';
import { untilSettled } from './follow.ts';

/** Follows a batch until it has ended or rests, prints it and gives the exit code. */
export async function followBatch(
  context: CommandContext,
  work: Work,
  batchId: string,
  options: GlobalOptions,
): Promise<ExitCode> {
  const { client, interruption } = work;
  const { output } = context;
  let cancelled = false;
  const stopHandling = interruption.handle(() => {
    if (cancelled) return false;
    cancelled = true;
    output.say('Stopping: nothing more is begun, and what runs comes to its end. Ctrl-C again leaves it to the hosts.');
    // Refused where it has just ended, which is seen below.
    void client.ask('batches.cancel', { batchId }).catch(() => undefined);
    return true;
  });
  try {
    const last = await untilItRests(context, work, batchId);
    if (last === null) {
      const id = batchId.slice(0, 8);
      output.say(
        `Left. What runs goes on on its host; the rest is not begun. “snaptree batches resume ${id}” goes on with it.`,
      );
      return interruption.exitCode ?? exitCodes.interrupted;
    }
    return report(context, last, options);
  } finally {
    stopHandling();
  }
}

/** The batch when nothing of it runs any more; null where the user leaves. */
async function untilItRests(context: CommandContext, work: Work, batchId: string): Promise<Batch | null> {
  const { client, interruption } = work;
  const show = createProgress(context);
  try {
    return await untilSettled<Batch>(interruption.signal, (settle) =>
      client.watch('batches', {}, (event) => {
        for (const batch of event.kind === 'all' ? event.batches : [event.batch]) {
          if (batch.id !== batchId) continue;
          show(batch);
          if (!isBatchUnderWay(batch)) settle(batch);
        }
      }),
    );
  } finally {
    context.output.progress(null);
  }
}

/** Says what became of each change, once, and shows on a terminal which run. */
function createProgress({ output }: CommandContext): (batch: Batch) => void {
  const told = new Set<number>();
  return ({ items }) => {
    for (const { index, state, title, vmName, hostName, message } of items) {
      if (state === 'waiting' || state === 'running' || told.has(index)) continue;
      told.add(index);
      const words = output.paint.err(state === 'succeeded' ? 'green' : 'red', batchItemWords[state]);
      const why = message === null ? '' : ` ${shownSentence(message)}`;
      output.say(
        `${index + 1} of ${items.length} ${words}: ${shownSentence(title)}, VM ${shown(vmName)} on ${shown(hostName)}.${why}`,
      );
    }
    const running = items.filter(({ state }) => state === 'running');
    output.progress(`${batchCounts({ items })}: ${running.map(({ title }) => title).join('; ')}`);
  };
}

function report(context: CommandContext, batch: Batch, options: GlobalOptions): ExitCode {
  const { output } = context;
  if (options.json === true) context.document('batch', { schema: 'snaptree.batch', version: 1, batch });
  else output.text(`${shownSentence(batch.title)}: ${batchCounts(batch)}.\n`);
  switch (batch.state) {
    case 'succeeded':
      return exitCodes.done;
    case 'cancelled':
      return exitCodes.interrupted;
    case 'interrupted':
      output.say(`It is not at its end. “snaptree batches resume ${batch.id.slice(0, 8)}” goes on with it.`);
      return exitCodes.outcomeUnknown;
    case 'running':
    case 'stopping':
    case 'incomplete':
    case 'forgotten':
      return exitCodes.failed;
  }
}
