/** What of long suites runs today. Also for Playwright's specs. */

/** The number of the day, or what the variable SNAPTREE_SEED says. */
export function seed(): number {
  const given = Number(process.env['SNAPTREE_SEED'] ?? '');
  return Number.isSafeInteger(given) && given > 0 ? given : Math.floor(Date.now() / 86_400_000);
}

/** Whether the variable SNAPTREE_ALL asks for everything (`npm run test:integration:all`). */
export function isWhole(): boolean {
  return process.env['SNAPTREE_ALL'] !== undefined;
}

/**
 * Whether the time that `npm test` has for samples is over, which is so on a slow machine only: what has not begun is then left for
 * another day. SNAPTREE_SAMPLES_UNTIL says when that is, in seconds since 1970; without it there is no such time.
 */
export function isTooLate(): boolean {
  const until = Number(process.env['SNAPTREE_SAMPLES_UNTIL'] ?? '');
  return !isWhole() && until > 0 && Date.now() / 1000 > until;
}

export const tooLate = 'no time is left for it on this machine: SNAPTREE_ALL=1 runs it';

export const notToday = (): string => `not in today's sample, seed ${seed()}: SNAPTREE_ALL=1 runs it`;

/**
 * Of a long list of cases as many as take little time, others each day; all of them where the variable SNAPTREE_ALL is set.
 * The steps through the list have no common divisor with its length, so that every case has its day.
 */
export function todaysSample<Case>(cases: readonly Case[], count: number): readonly Case[] {
  if (isWhole() || cases.length <= count) return cases;
  return Array.from({ length: count }, (_, index) =>
    cases.at(((seed() * count + index) * stride(cases.length)) % cases.length),
  ).filter((each) => each !== undefined);
}

/** About five eighths of a length: neighbours in the list, which are alike, come on different days. */
function stride(length: number): number {
  let found = Math.max(1, Math.floor(length * 0.618));
  while (greatestDivisor(found, length) !== 1) found += 1;
  return found;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
