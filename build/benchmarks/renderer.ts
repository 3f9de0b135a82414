/**
 * The window with very much in it: processor time of its main thread (from traces of the real Chromium, so that what else
 * runs on the machine hardly counts), and how many components React renders. Builds the page, needs no testbed.
 */
import { execFileSync } from 'node:child_process';
import { chromium, type Browser, type Page } from '@playwright/test';
import { startHarness, type Harness } from '../../e2e/renderer/main-process.fixtures.ts';
import { inRepository } from '../paths.ts';
import { largeHost, showFleet, showLargeVm, withChangedVm, withSnapshot } from './renderer/fleet.ts';
import { markEachLoad, rest, traced } from './renderer/main-thread.ts';
import { countComponents, takeRendered } from '../../e2e/renderer/rendered-components.fixtures.ts';

const snapshots = 10_000;
const hosts = 50;
const vmsOfEach = 100;
const rounds = 5;
/** The keys of a search that finds fewer and fewer VMs. */
const searched = 'tenant-004';

interface Measured {
  readonly what: string;
  /** Milliseconds of the main thread's processor time, or components; the median where there are several. */
  readonly values: readonly number[];
  readonly unit: 'ms' | 'components';
  readonly goal: number;
  /** By this benchmark on one machine when it was written, before anything was made faster: a ratio to compare with. */
  readonly before: number;
}

export async function run(): Promise<void> {
  execFileSync(process.execPath, [inRepository('build/build.ts'), '--renderer'], { stdio: ['ignore', 'ignore', 2] });
  const harness = await startHarness(inRepository('dist/renderer'));
  const browser = await chromium.launch({
    executablePath: process.env['SNAPTREE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const measured = [
      ...(await measureLargeVm(browser, harness)),
      ...(await measureFleet(browser, harness)),
      ...(await countFleet(browser, harness)),
    ];
    print(measured);
  } finally {
    await browser.close();
    await harness.close();
  }
}

async function openPage(browser: Browser, prepare?: (page: Page) => Promise<void>): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(120_000);
  await prepare?.(page);
  return page;
}

async function measureLargeVm(browser: Browser, harness: Harness): Promise<readonly Measured[]> {
  showLargeVm(harness, snapshots);
  const page = await openPage(browser);
  await page.goto(harness.url);
  const large = page.getByRole('treeitem', { name: /^large/ });
  const small = page.getByRole('treeitem', { name: /^tenant-0001/ });
  const grid = page.getByRole('treegrid');

  const open = await repeated(async () => {
    await small.click();
    await rest(page);
    const { total } = await traced(page, async () => {
      await large.click();
      await grid
        .getByRole('row', { name: /^nightly/ })
        .first()
        .waitFor();
    });
    return total;
  });

  const scroll = await traced(page, () => scrollThrough(page));
  // Before the first frame, and after the last.
  const frames = scroll.betweenMarks.slice(2, -1);

  await grid.getByRole('row', { name: /^You are here/ }).click();
  const select = await repeated(async () => (await traced(page, () => page.keyboard.press('ArrowUp'))).total);

  let inventory = harness.inventoryOf(largeHost);
  let count = 0;
  const update = await repeated(async () => {
    count += 1;
    const name = `added ${count}`;
    inventory = withSnapshot(inventory, 0, name);
    const { total } = await traced(page, async () => {
      harness.setInventory(largeHost, { inventory });
      await page.getByText(`${snapshots + count} snapshots`).waitFor();
    });
    return total;
  });
  await page.close();
  const of = `${snapshots} snapshots in one VM`;
  return [
    { what: `${of}: open it`, values: open, unit: 'ms', goal: 200, before: 83 },
    {
      what: `${of}: a frame of scrolling, 95th percentile`,
      values: [percentile(frames, 0.95)],
      unit: 'ms',
      goal: 25,
      before: 32,
    },
    { what: `${of}: select the next`, values: select, unit: 'ms', goal: 50, before: 18 },
    { what: `${of}: a snapshot more`, values: update, unit: 'ms', goal: 100, before: 102 },
  ];
}

/** Drags through the tree, a page and a half in every frame, so that every frame has new rows. */
async function scrollThrough(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const scroller = document.querySelector('[role=treegrid] [role=rowgroup]:last-child');
    if (!scroller) throw new Error('There is no tree.');
    scroller.scrollTop = 0;
    for (let frame = 0; frame < 80; frame += 1) {
      await new Promise(requestAnimationFrame);
      performance.mark('bench');
      scroller.scrollTop += 1000;
    }
  });
}

async function measureFleet(browser: Browser, harness: Harness): Promise<readonly Measured[]> {
  harness.reset();
  showFleet(harness, hosts, vmsOfEach);
  const page = await openPage(browser, (each) => markEachLoad(each, harness.url));
  const load = await repeated(async () => {
    await page.goto('about:blank');
    const { total } = await traced(
      page,
      async () => {
        await page.goto(harness.url);
        await allRows(page);
      },
      'fromFirstMarkOfWork',
    );
    return total;
  });
  const keys: number[] = [];
  const field = page.getByRole('searchbox');
  for (let round = 0; round < rounds; round += 1) {
    await field.fill('');
    await field.focus();
    await rest(page);
    for (const key of searched) keys.push((await traced(page, () => page.keyboard.press(key))).total);
  }
  await field.fill('');
  await page.close();
  const of = `${hosts} hosts of ${vmsOfEach} VMs`;
  return [
    { what: `${of}: load`, values: load, unit: 'ms', goal: 500, before: 556 },
    { what: `${of}: a key of a search, median`, values: keys, unit: 'ms', goal: 50, before: 16 },
    {
      what: `${of}: a key of a search, slowest`,
      values: [Math.max(...medianByKey(keys))],
      unit: 'ms',
      goal: 50,
      before: 24,
    },
  ];
}

/** Until there is a row for every VM of every host. */
async function allRows(page: Page): Promise<void> {
  const least = hosts * vmsOfEach * 24;
  await page.waitForFunction(
    (height) => (document.querySelector('[role=tree] [role=presentation]')?.scrollHeight ?? 0) > height,
    least,
    { polling: 100 },
  );
}

async function countFleet(browser: Browser, harness: Harness): Promise<readonly Measured[]> {
  harness.reset();
  const ids = showFleet(harness, hosts, vmsOfEach);
  const page = await openPage(browser, countComponents);
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^portal/ }).click();
  await page.getByRole('row', { name: /^You are here/ }).click();
  await rest(page);

  const change = async (hostId: string, index: number, title: string) => {
    await rest(page);
    await takeRendered(page);
    harness.setInventory(hostId, { inventory: withChangedVm(harness.inventoryOf(hostId), index, title) });
    await page.waitForTimeout(700);
    await rest(page);
    return takeRendered(page);
  };
  const other = ids.at(-1) ?? largeHost;
  const unseen = await repeated((round) => change(other, 20, `changed ${round}`));
  const beside = await repeated((round) => change(largeHost, 3, `changed ${round}`));
  const shown = await repeated((round) => change(largeHost, 0, `changed ${round}`));
  const selected = await repeated(async () => {
    await takeRendered(page);
    await page.keyboard.press('ArrowUp');
    await rest(page);
    return takeRendered(page);
  });
  await page.close();
  const of = `${hosts} hosts of ${vmsOfEach} VMs`;
  return [
    {
      what: `${of}: an update of another host’s VM renders`,
      values: unseen,
      unit: 'components',
      goal: 20,
      before: 333,
    },
    {
      what: `${of}: an update of a VM beside the one shown`,
      values: beside,
      unit: 'components',
      goal: 20,
      before: 834,
    },
    { what: `${of}: an update of the VM shown`, values: shown, unit: 'components', goal: 21, before: 837 },
    { what: `${of}: select a snapshot`, values: selected, unit: 'components', goal: 21, before: 850 },
  ];
}

async function repeated(measure: (round: number) => Promise<number>): Promise<readonly number[]> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round += 1) values.push(await measure(round));
  return values;
}

/** The medians of each key over all rounds. */
function medianByKey(values: readonly number[]): readonly number[] {
  return Array.from(searched, (_, key) =>
    percentile(
      values.filter((_value, at) => at % searched.length === key),
      0.5,
    ),
  );
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function print(measured: readonly Measured[]): void {
  const widest = Math.max(...measured.map(({ what }) => what.length));
  console.log(`renderer: ${'processor time of the main thread, median'.padEnd(widest)}   before      now     goal`);
  for (const { what, values, unit, goal, before } of measured) {
    const now = percentile(values, 0.5);
    const cell = (value: number) => value.toFixed(value < 10 ? 1 : 0).padStart(7);
    const numbers = [cell(before), cell(now), `< ${goal}`.padStart(7)].join('  ');
    console.log(`renderer: ${what.padEnd(widest)}  ${numbers} ${unit}${now < goal ? '' : '  NOT MET'}`);
  }
}
