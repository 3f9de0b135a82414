/**
 * What the main thread of a page does while something happens, from a trace of Chromium: processor time of its tasks, and
 * not wall-clock time, so that what else runs on the machine does not count.
 */
import type { CDPSession, Page } from '@playwright/test';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly tdur?: number;
  readonly dur?: number;
}

export interface MainThread {
  /** Milliseconds of processor time that tasks took between each mark and the next; the last up to the end. */
  readonly betweenMarks: readonly number[];
  readonly total: number;
  /** The longest task. */
  readonly longest: number;
}

const categories = ['blink.user_timing', 'disabled-by-default-devtools.timeline', 'toplevel'];
const taskName = 'RunTask';
const markName = 'bench';

/**
 * Traces the page while `work` runs and until it rests; `work` may mark moments with `performance.mark('bench')`. What is
 * counted begins at once, or where the work navigates, which may be to another process, at the first mark of the work.
 */
export async function traced(
  page: Page,
  work: () => Promise<void>,
  from: 'atOnce' | 'fromFirstMarkOfWork' = 'atOnce',
): Promise<MainThread> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: { includedCategories: categories, excludedCategories: ['*'] },
    });
    if (from === 'atOnce') await page.evaluate((name) => performance.mark(name), markName);
    await work();
    await rest(page);
    return mainThreadOf(await stopTracing(session));
  } finally {
    await session.detach();
  }
}

/** Marks the beginning of each load of `url` in `page` from now on: of the page itself, and of no other document in between. */
export async function markEachLoad(page: Page, url: string): Promise<void> {
  await page.addInitScript(
    ([name, origin]) => {
      if (window === window.top && location.origin === origin) performance.mark(name);
    },
    [markName, new URL(url).origin] as const,
  );
}

/** Waits until the page has drawn, has nothing more to do, and has drawn again. */
export async function rest(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        requestIdleCallback(() => {
          requestAnimationFrame(() => requestIdleCallback(() => requestAnimationFrame(() => setTimeout(resolve))));
        });
      }),
  );
}

async function stopTracing(session: CDPSession): Promise<readonly TraceEvent[]> {
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  const complete = new Promise<void>((resolve) => {
    session.once('Tracing.tracingComplete', () => {
      resolve();
    });
  });
  await session.send('Tracing.end');
  await complete;
  return events;
}

function mainThreadOf(events: readonly TraceEvent[]): MainThread {
  const marks = events.filter(({ name }) => name === markName).sort((a, b) => a.ts - b.ts);
  const [first] = marks;
  if (!first) throw new Error('The trace holds no mark.');
  if (marks.some(({ pid, tid }) => pid !== first.pid || tid !== first.tid)) {
    throw new Error('The page was loaded in several processes: what it took cannot be told.');
  }
  const tasks = events.filter(
    ({ name, ph, pid, tid, ts }) =>
      name === taskName && ph === 'X' && pid === first.pid && tid === first.tid && ts >= first.ts,
  );
  if (tasks.length === 0) throw new Error('The trace holds no task of the main thread.');
  const betweenMarks = marks.map((mark, index) => {
    const end = marks[index + 1]?.ts ?? Infinity;
    return sum(tasks.filter(({ ts }) => ts >= mark.ts && ts < end).map(milliseconds));
  });
  return { betweenMarks, total: sum(betweenMarks), longest: Math.max(...tasks.map(milliseconds)) };
}

function milliseconds({ tdur, dur }: TraceEvent): number {
  return (tdur ?? dur ?? 0) / 1000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
