/**
 * How many components React renders, in the page as it is shipped: React tells whoever looks like its developer tools of
 * every commit, and marks each fiber that rendered.
 */
import type { Page } from '@playwright/test';

interface Fiber {
  readonly tag: number;
  readonly flags: number;
  readonly child: Fiber | null;
  readonly sibling: Fiber | null;
  readonly alternate: Fiber | null;
}

interface CountingWindow {
  benchRendered: number;
}

/** Counts from the next load of `page` on. Walking every commit costs time: do not measure times on the same page. */
export async function countComponents(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const counting = globalThis as unknown as CountingWindow;
    counting.benchRendered = 0;
    // Of React's ReactWorkTags: function, class, forwardRef, memo and simple memo components.
    const components = new Set([0, 1, 11, 14, 15]);
    const performedWork = 1;
    const count = (root: Fiber) => {
      const open: Fiber[] = [root];
      for (let fiber = open.pop(); fiber; fiber = open.pop()) {
        const before = fiber.alternate;
        if (components.has(fiber.tag) && (!before || (fiber.flags & performedWork) !== 0)) counting.benchRendered += 1;
        // What was not looked at shares its children with the fiber of the commit before.
        if (before?.child === fiber.child) continue;
        for (let child = fiber.child; child; child = child.sibling) open.push(child);
      }
    };
    Object.assign(globalThis, {
      __REACT_DEVTOOLS_GLOBAL_HOOK__: {
        isDisabled: false,
        supportsFiber: true,
        renderers: new Map(),
        inject: () => 1,
        checkDCE: () => undefined,
        onCommitFiberUnmount: () => undefined,
        onPostCommitFiberRoot: () => undefined,
        onCommitFiberRoot: (_id: number, root: { readonly current: Fiber }) => {
          count(root.current);
        },
      },
    });
  });
}

/** Components rendered since the last time that this was asked. */
export async function takeRendered(page: Page): Promise<number> {
  return page.evaluate(() => {
    const counting = globalThis as unknown as CountingWindow;
    const rendered = counting.benchRendered;
    counting.benchRendered = 0;
    return rendered;
  });
}
