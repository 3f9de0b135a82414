/** Runs a plan that was made and follows its operation to the end, with Ctrl-C as the request to stop. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Operation } from '../../../shared/model/operation.ts';
import type { Plan } from '../../../shared/model/plan.ts';
import { isUnderWay } from '../../../shared/rules/operations/operation-life.ts';
import { progressWords } from '../../../shared/rules/operations/progress-words.ts';
import { cancelMeaning } from '../../../shared/rules/operations/step-sentences.ts';
import { readableDuration } from '../../../shared/rules/text/units.ts';
import { whenAborted } from '../../base/abort.ts';
import type { CommandContext, GlobalOptions, Work } from './context.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { shownSentence } from './output.ts';
import { count } from './text/words.ts';

/**
 * Asks for the user's yes; `assumed` is it (`--yes`). Throws `planRefused` where there is nobody to ask. False: no.
 */
export async function confirmed(work: Work, question: string, assumed: boolean): Promise<boolean> {
  if (assumed) return true;
  if (work.terminal === null) {
    throw new SnaptreeError(
      'planRefused',
      'There is no terminal to ask for confirmation on. Nothing was done. Look at the plan and give --yes.',
    );
  }
  const typed = await work.terminal.ask(`${question} Type yes to do it: `, true);
  return typed?.trim().toLowerCase() === 'yes';
}

/** Starts a plan and follows it. Throws what `operations.start` throws, with nothing done then. */
export async function runPlan(
  context: CommandContext,
  work: Work,
  plan: Plan,
  options: GlobalOptions & { readonly takeOver?: string | undefined },
): Promise<ExitCode> {
  const { takeOver } = options;
  const { operationId } = await work.client.ask('operations.start', {
    planId: plan.id,
    ...(takeOver !== undefined && { takeOver }),
  });
  return follow(context, work, operationId, options);
}

/** Follows an operation until it has ended or is cut off, prints it and gives the exit code. */
export async function follow(
  context: CommandContext,
  work: Work,
  operationId: string,
  options: GlobalOptions,
): Promise<ExitCode> {
  const { client, interruption } = work;
  const { output } = context;
  let cancelled = false;
  const stopHandling = interruption.handle(() => {
    if (cancelled) return false;
    cancelled = true;
    const operation = present(work, operationId);
    const { possible, sentence } = operation ? cancelMeaning(operation) : { possible: false, sentence: '' };
    output.say(`${possible ? 'Stopping: ' : ''}${sentence} Ctrl-C again leaves it to the host.`);
    // Refused where nothing is left that could be left out, or it has just ended, which is seen below.
    void client.ask('operations.cancel', { operationId }).catch(() => undefined);
    return true;
  });
  try {
    const last = await untilItRests(context, work, operationId);
    if (last === null) {
      output.say(leftMessage(present(work, operationId)));
      return interruption.exitCode ?? exitCodes.interrupted;
    }
    return report(context, last, options, cancelled);
  } finally {
    stopHandling();
  }
}

function present({ client }: Work, operationId: string): Operation | null {
  const event = client.present('operations', {});
  const operations = event.kind === 'all' ? event.operations : [event.operation];
  return operations.find(({ id }) => id === operationId) ?? null;
}

/** The operation when it has ended or was cut off; null where the user leaves. */
async function untilItRests(context: CommandContext, work: Work, operationId: string): Promise<Operation | null> {
  const { client, interruption } = work;
  const progress = createProgress(context, work);
  try {
    return await untilSettled<Operation>(interruption.signal, (settle) =>
      client.watch('operations', {}, (event) => {
        for (const operation of event.kind === 'all' ? event.operations : [event.operation]) {
          if (operation.id !== operationId) continue;
          progress.show(operation);
          if (!isUnderWay(operation)) settle(operation);
        }
      }),
    );
  } finally {
    progress.stop();
  }
}

/**
 * What `watch` settles on first; null where `signal` is aborted before: the user leaves.
 *
 * @param watch begins to watch, with the present value at once; gives a function that ends that
 */
export function untilSettled<Value>(
  signal: AbortSignal,
  watch: (settle: (value: Value) => void) => () => void,
): Promise<Value | null> {
  return new Promise((resolve) => {
    let stop: () => void = () => undefined;
    const settle = (value: Value | null): void => {
      resolve(value);
      // The first value comes before there is anything to stop.
      queueMicrotask(() => {
        stopListening();
        stop();
      });
    };
    stop = watch(settle);
    const stopListening = whenAborted(signal, () => {
      settle(null);
    });
  });
}

/** Shows on a terminal which step runs and for how long, and a line for each that is done. */
function createProgress(
  { output }: CommandContext,
  { client }: Work,
): { show(operation: Operation): void; stop(): void } {
  let latest: Operation | null = null;
  const told = new Set<number>();
  const draw = (): void => {
    if (latest === null) return;
    const { plan, steps } = latest;
    const running = steps.find(({ state }) => state === 'running');
    if (!running) {
      output.progress(steps.every(({ state }) => state === 'done') ? 'Finishing …' : 'Preparing …');
      return;
    }
    const since = running.startedAt === null ? [] : [readableDuration(Date.now() / 1000 - running.startedAt)];
    const title = shownSentence(plan.steps[running.index]?.title ?? '');
    const far = client.present('stepProgress', {}).find((each) => each.operationId === latest?.id);
    const distance = far?.index === running.index ? [progressWords(far)] : [];
    // Before the title: the line is cut off at the width of the terminal, and titles name paths.
    const state = [...since, ...distance].join(', ');
    output.progress(`Step ${running.index + 1} of ${steps.length}${state === '' ? '' : ` (${state})`}: ${title}`);
  };
  const timer = setInterval(draw, 1000);
  timer.unref();
  return {
    show(operation) {
      if (!output.stderrIsTerminal) return;
      latest = operation;
      for (const { index, state, startedAt, endedAt } of operation.steps) {
        if (state !== 'done' || told.has(index)) continue;
        told.add(index);
        const title = shownSentence(operation.plan.steps[index]?.title ?? '');
        const time = startedAt === null || endedAt === null ? '' : ` (${readableDuration(endedAt - startedAt)})`;
        output.say(`${output.paint.err('green', 'Done:')} step ${index + 1}: ${title}${time}`);
      }
      draw();
    },
    stop() {
      clearInterval(timer);
      output.progress(null);
    },
  };
}

function leftMessage(operation: Operation | null): string {
  if (operation === null) return 'Left. “snaptree operations” shows what became of it.';
  const { id, plan, steps } = operation;
  const running = steps.find(({ state }) => state === 'running');
  const what = running
    ? `Step ${running.index + 1} of ${steps.length} goes on on ${shownSentence(plan.hostName)}`
    : 'No step was running';
  return `Left “${shownSentence(plan.title)}”. ${what}; the VM stays locked. “snaptree operations examine ${id.slice(0, 8)}” finds out what became of it.`;
}

function report(context: CommandContext, operation: Operation, options: GlobalOptions, askedToStop: boolean): ExitCode {
  const { output } = context;
  if (options.json === true) context.document('operation', { schema: 'snaptree.operation', version: 2, operation });
  const { plan, state, error, startedAt, endedAt, steps } = operation;
  if (state === 'succeeded') {
    if (options.json !== true) {
      const time = endedAt === null ? '' : ` in ${readableDuration(endedAt - startedAt)}`;
      output.text(
        `Done: ${shownSentence(`${plan.title}, VM ${plan.vmName} on ${plan.hostName}`)} (${count(steps.length, 'step')}${time}).\n`,
      );
    }
    return exitCodes.done;
  }
  const message = error?.message ?? `“${plan.title}” ended as ${state}.`;
  const more =
    state === 'interrupted' ? ` “snaptree operations examine ${operation.id.slice(0, 8)}” looks at it again.` : '';
  output.say(`${output.paint.err('red', 'snaptree:')} ${shownSentence(message)}${more}`);
  if (state === 'interrupted') return exitCodes.outcomeUnknown;
  if (state === 'cancelled' && askedToStop) return exitCodes.interrupted;
  return error === null ? exitCodes.failed : state === 'failed' ? exitCodes.failed : exitCodeOf(error.code);
}
