/**
 * `npm run lint:electron`: fails when the pinned Electron has a newer release of its major version, which holds the fixes of
 * Chromium, or is of a major version that the Electron project has given up. Says so and does not fail where the registry
 * cannot be asked.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { npmCommand } from './npm.ts';

/** The Electron project mends the newest three major versions (electronjs.org, "Electron Releases"). */
const supportedMajors = 3;

function parse(version: string): readonly [number, number, number] | null {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? [];
  return patch === undefined ? null : [Number(major), Number(minor), Number(patch)];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((part, place) => part !== b[place]);
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

/** What is wrong with `pinned` among all released `versions`; null where nothing is. Releases on trial do not count. */
export function versionComplaint(pinned: string, versions: readonly string[]): string | null {
  const own = parse(pinned);
  if (own === null) return `Electron is pinned to ${pinned}, which is no release.`;
  const released = versions.map(parse).filter((version) => version !== null);
  if (released.length === 0) return null;
  const newest = released
    .filter(([major]) => major === own[0])
    .sort(compare)
    .at(-1);
  if (newest !== undefined && compare(newest, own) > 0) {
    return `Electron is pinned to ${pinned}, and ${newest.join('.')} is out. Run: npm install --save-dev --save-exact electron@${newest.join('.')}`;
  }
  const latestMajor = Math.max(...released.map(([major]) => major));
  return own[0] <= latestMajor - supportedMajors
    ? `Electron ${own[0]} is not mended any more: ${latestMajor} is out, and the newest ${supportedMajors} are.`
    : null;
}

/** All versions in the registry that npm is set up with. Rejects where it cannot be asked. */
async function releasedVersions(): Promise<readonly string[]> {
  const [command, ...before] = npmCommand();
  const parameters = [
    ...before,
    'view',
    'electron',
    'versions',
    '--json',
    '--fetch-retries=0',
    '--fetch-timeout=15000',
  ];
  const { stdout } = await promisify(execFile)(command, parameters, { timeout: 30_000, maxBuffer: 16 * 1024 * 1024 });
  const answer: unknown = JSON.parse(stdout);
  if (!Array.isArray(answer)) throw new Error('the answer is no list');
  return answer.filter((version) => typeof version === 'string');
}

if (import.meta.main) {
  let versions: readonly string[] | null = null;
  try {
    versions = await releasedVersions();
  } catch {
    console.warn('NOT CHECKED: whether there is a newer Electron. The registry could not be asked.');
  }
  const complaint = versions === null ? null : versionComplaint(packageJson.devDependencies.electron, versions);
  if (complaint !== null) {
    console.error(complaint);
    process.exitCode = 1;
  }
}
