/** For tests: what holds of the findings of every host, whatever it is made for. */
import type { Finding } from '../../model/report.ts';
import { findingsOf } from './findings.ts';

/** Data: an image as a whole, or the internal snapshots of one name in it. */
interface Data {
  readonly path: string | null;
  readonly name: string | null;
}

/** As `findingsOf`. Throws where a remedy takes away what a finding, another or its own, calls a copy that may be the last one. */
export const soundFindings: typeof findingsOf = (...parameters) => {
  const found = findingsOf(...parameters);
  for (const one of found) {
    // A file that is there already would be written over.
    if (/\b(?:mv|cp) (?!-n )/.test(one.remedy)) throw new Error(`This may write over a file: ${one.remedy}`);
    for (const other of found) {
      // Nothing of what a finding promises to be the data may go, whether or not it is copied before.
      if (other.code !== 'dataMoved' && one.remedy.includes('copy the whole image')) continue;
      if (takenBy(one).some((data) => lastCopiesIn(other).some((copy) => isPartly(data, copy)))) {
        throw new Error(`“${one.remedy}” takes away what this may be the last copy of: ${other.message}`);
      }
    }
  }
  return found;
};

/** What the commands of a remedy take away. */
function takenBy({ path, snapshotName, remedy }: Finding): readonly Data[] {
  const removed = [...remedy.matchAll(/\b(?:rm|unlink|vol-delete|truncate)\b[^.]*? (\/\S+)/g)];
  return [
    ...(/qemu-img snapshot -[da]/.test(remedy) ? [{ path, name: snapshotName }] : []),
    ...(/(?<!\bnot )\bdelete it\b/i.test(remedy) && snapshotName === null ? [{ path, name: null }] : []),
    ...removed.map(([, file = '']) => ({ path: file, name: null })),
  ];
}

/** What a finding says to be, or perhaps to be, the last copy of something. */
function lastCopiesIn({ code, path, snapshotName: name, message, remedy }: Finding): readonly Data[] {
  const elsewhere = [/is in (\/.+?): a copy of it/, /of another time, is in (\/.+)\.$/].flatMap(
    (pattern) => pattern.exec(message)?.[1]?.split(', ') ?? [],
  );
  const isHere = code === 'dataMoved' || /only copy|which is missing|newer state/.test(`${message} ${remedy}`);
  return [...elsewhere.map((image) => ({ path: image, name })), ...(isHere ? [{ path, name }] : [])];
}

function isPartly(one: Data, other: Data): boolean {
  return one.path === other.path && (one.name === null || other.name === null || one.name === other.name);
}
