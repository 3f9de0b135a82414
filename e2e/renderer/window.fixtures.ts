import { expect, test } from '@playwright/test';
import { startHarness, type Harness } from './main-process.fixtures.ts';

/**
 * Gives every test of a file the built window over one harness, which forgets between tests. After each test the window
 * must not have complained on its console: a style or script that the content security policy refuses is an error there.
 * Gives the list of complaints, for a test that expects some to take out.
 */
export function useWindow(take: (harness: Harness) => void): { complaints: string[] } {
  const seen = { complaints: [] as string[] };
  let harness: Harness;
  test.beforeAll(async () => {
    harness = await startHarness(new URL('../../dist/renderer', import.meta.url).pathname);
    take(harness);
  });
  test.afterAll(() => harness.close());
  test.beforeEach(({ page }) => {
    harness.reset();
    seen.complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') seen.complaints.push(message.text());
    });
    page.on('pageerror', (error) => seen.complaints.push(error.message));
  });
  test.afterEach(() => {
    expect(seen.complaints).toEqual([]);
  });
  return seen;
}
