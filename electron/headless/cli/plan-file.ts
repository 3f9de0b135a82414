/** Plan files: what `plan --json` prints and `run` takes. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { Plan } from '../../../shared/model/plan.ts';
import { isComparable } from '../../operations/plans/state-digest.ts';
import { stepDifferences } from '../../operations/plans/same-steps.ts';
import { completedPlan, planMigrations } from '../../store/plan-versions.ts';
import { migrate, versionAfter } from '../../store/versions.ts';
import { documents } from './documents.ts';

const headerSchema = z.looseObject({ schema: z.literal('snaptree.plan'), version: z.int().positive() });

/** Plan files of earlier versions are understood as well. Throws `invalidRequest`. */
export function parsePlanFile(text: string, name: string): Plan {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw notAPlanFile(name, error instanceof Error ? error.message : String(error));
  }
  const header = headerSchema.safeParse(raw);
  if (!header.success) throw notAPlanFile(name, reasonOf(header.error));
  const { version, plan, ...rest } = header.data;
  const present = versionAfter(planMigrations);
  if (version > present) {
    throw notAPlanFile(name, `a newer Snaptree wrote it (version ${version}; this one knows up to ${present}).`);
  }
  let migrated: unknown;
  try {
    migrated = completedPlan(migrate(plan, version, planMigrations));
  } catch (error) {
    throw notAPlanFile(name, error instanceof Error ? error.message : String(error));
  }
  const parsed = documents.plan.safeParse({ ...rest, version: present, plan: migrated });
  if (!parsed.success) throw notAPlanFile(name, reasonOf(parsed.error));
  return parsed.data.plan;
}

function reasonOf(error: z.ZodError): string {
  return z.prettifyError(error).split('\n').slice(0, 4).join(' ');
}

function notAPlanFile(name: string, reason: string): SnaptreeError {
  return new SnaptreeError(
    'invalidRequest',
    `${name} is not a plan file that this Snaptree understands: ${reason} Nothing was done. “snaptree plan … --json” makes one.`,
  );
}

/** The host that a plan file is for: the one with its id, else the one with its name. Throws `hostNotFound`. */
export function hostOfPlan({ hostId, hostName }: Pick<Plan, 'hostId' | 'hostName'>, hosts: readonly Host[]): Host {
  const host =
    hosts.find(({ id }) => id === hostId) ?? hosts.find(({ name }) => name.toLowerCase() === hostName.toLowerCase());
  if (host) return host;
  throw new SnaptreeError(
    'hostNotFound',
    `The plan is for the host ${hostName}, which is not in the host book. Nothing was done. Add it, or give the --uri that the plan was made with.`,
  );
}

/**
 * Whether the plan that was just made is the one in the file. Throws `planRefused` where it is refused now or the file
 * was edited, and `planStale` where the host has changed. What is run is always the new one.
 */
export function checkSamePlan(inFile: Plan, now: Plan): void {
  const what = `“${now.title}” for the VM ${now.vmName} on ${now.hostName}`;
  if (!isComparable(inFile.fingerprint)) {
    throw new SnaptreeError(
      'planStale',
      `The plan file was made by another version of Snaptree, and this one cannot tell whether ${now.hostName} is still as it was then. Nothing was done. Plan the change again and look at what it does now.`,
    );
  }
  if (now.fingerprint !== inFile.fingerprint) {
    const why = now.refusals.length > 0 ? ` Planned anew it is refused: ${reasons(now)}` : '';
    throw new SnaptreeError(
      'planStale',
      `${now.hostName} has changed since ${what} was planned: the VM, its snapshots, its images or what depends on them are not as they were. Nothing was done.${why} Plan the change again and look at what it does now.`,
    );
  }
  if (now.refusals.length > 0 || now.steps.length === 0) {
    throw new SnaptreeError('planRefused', `${what} is refused. Nothing was done. ${reasons(now)}`);
  }
  const differences = [
    ...(isDeepStrictEqual(now.request, inFile.request) ? [] : ['It asks for something else.']),
    ...stepDifferences(inFile.steps, now.steps),
  ];
  if (differences.length > 0) {
    throw new SnaptreeError(
      'planRefused',
      `The plan file does not hold what ${what} takes: it was edited or damaged, or made by another version of Snaptree. ${differences.join(' ')} Nothing was done. Plan the change again.`,
    );
  }
}

function reasons({ refusals }: Plan): string {
  return refusals.length === 0 ? 'There is nothing to do.' : refusals.map(({ message }) => message).join(' ');
}
