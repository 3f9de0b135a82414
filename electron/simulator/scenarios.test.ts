/** The simulated host does what a real libvirt 9.0 did (recorded-outcomes.json, see scenarios.integration.test.ts). */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { playSimulated } from './scenario-hosts.fixtures.ts';
import { recordedAnew, scenarios, type Recordings } from './scenarios.fixtures.ts';

const recorded = JSON.parse(readFileSync(new URL('recorded-outcomes.json', import.meta.url), 'utf8')) as Recordings;

it.for(scenarios)('does the same as libvirt: $title', { timeout: 60_000 }, async (scenario) => {
  const outcomes = await playSimulated(scenario);
  for (const [index, outcome] of outcomes.entries()) expect(outcome).toEqual(recorded[scenario.title]?.[index]);
  expect(outcomes).toHaveLength(recorded[scenario.title]?.length ?? -1);
});

it('keeps what is recorded of scenarios that are not recorded anew', () => {
  const [{ title } = { title: '' }] = scenarios;
  const now = recordedAnew({ ...recorded, 'not there any more': [] }, new Map([[title, []]]));
  expect(now).toEqual({ ...recorded, [title]: [] });
});
