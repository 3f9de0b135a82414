/** A real window on the fleet, and the moment at which it shows what changed. */
import { chromium, type Page } from '@playwright/test';
import type { Measured } from './main-process.ts';

export interface FleetWindow {
  readonly page: Page;
  close(): Promise<void>;
}

export interface Paint extends Pick<Measured, 'begunAt' | 'answeredAt'> {
  /** In milliseconds since 1970: the first frame with the change had been handed to the screen. */
  readonly paintedAt: number;
}

/** Opens the window, and waits until it has drawn the first host's VMs. */
export async function openWindow(url: string): Promise<FleetWindow> {
  const browser = await chromium.launch({
    executablePath: process.env['SNAPTREE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  await page.getByRole('treeitem', { name: /^vm-007-/ }).waitFor();
  return { page, close: () => browser.close() };
}

/**
 * Has the VM changed so many times and one, of which the first does not count, as hosts record their answers then. `change`
 * renames it, or gives it its name back.
 */
export async function paintsOf(
  { page }: FleetWindow,
  times: number,
  change: () => Promise<Measured>,
): Promise<readonly Paint[]> {
  const paints: Paint[] = [];
  for (let time = 0; time < times; time += 1) {
    // The window has loaded, or has done what the last change made it do.
    await page.waitForTimeout(time === 0 ? 3000 : 500);
    const painted = page.evaluate(paintOf, time % 2 === 0 ? 'vm-007-changed-' : 'vm-007-of-');
    const { begunAt, answeredAt } = await change();
    paints.push({ begunAt, answeredAt, paintedAt: await painted });
  }
  return paints.slice(1);
}

/** In the page: when it has painted a VM of that name. */
function paintOf(name: string): Promise<number> {
  const isThere = (): boolean =>
    [...document.querySelectorAll('[role=treeitem]')].some(({ textContent }) => textContent.includes(name));
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!isThere()) return;
      observer.disconnect();
      requestAnimationFrame(() => {
        // A task of its own comes after the frame.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          resolve(Date.now());
        };
        port2.postMessage(null);
      });
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}
