/** The simulated host does what a real libvirt 9.0 did (recorded-outcomes.json, see scenarios.integration.test.ts). */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { playSimulated } from './scenario-hosts.fixtures.ts';
import { scenarios, type Outcome } from './scenarios.fixtures.ts';

const recorded = JSON.parse(readFileSync(new URL('recorded-outcomes.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, readonly Outcome[]>
>;

it.for(scenarios)('does the same as libvirt: $title', { timeout: 60_000 }, async (scenario) => {
  const outcomes = await playSimulated(scenario);
  for (const [index, outcome] of outcomes.entries()) expect(outcome).toEqual(recorded[scenario.title]?.[index]);
  expect(outcomes).toHaveLength(recorded[scenario.title]?.length ?? -1);
});
