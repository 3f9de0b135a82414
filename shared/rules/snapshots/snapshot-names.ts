/** Which names a new snapshot may have. Names that others gave are read and shown whatever they hold. */
import { localDate, twoDigits, utf8Length } from '../text/units.ts';
import { isOneLine } from '../text/one-line.ts';

/** The longest name, in bytes of UTF-8: libvirt keeps a file `<name>.xml`, and file names end at 255 bytes. */
const maximumNameBytes = 200;

/** Why `name` cannot be the name of a new snapshot, as a sentence; null where it can. */
export function checkSnapshotName(name: string): string | null {
  if (name.trim() === '') return 'Give the snapshot a name.';
  if (name !== name.trim()) return 'A snapshot name must not begin or end with a space.';
  if (!isOneLine(name)) {
    return 'A snapshot name must be one line without control characters.';
  }
  if (!name.isWellFormed()) return 'The snapshot name holds half of a character and cannot be written as text.';
  if (name.includes('/')) return 'A snapshot name must not contain "/": libvirt refuses it.';
  if (name.startsWith('.')) return 'A snapshot name must not begin with ".": libvirt refuses it.';
  if (/^\d+$/.test(name)) {
    return 'A snapshot name must not be a number: qemu-img takes it for the number of another snapshot. Add a word.';
  }
  const bytes = utf8Length(name);
  if (bytes > maximumNameBytes) {
    return `The snapshot name is ${bytes} bytes long; at most ${maximumNameBytes} are possible.`;
  }
  return null;
}

/**
 * A name for what is saved before a revert, in local time: `before-revert-2026-11-20-09.05.31`. Of letters, digits, “.” and “-” only,
 * since QEMU takes no others while a VM runs (libvirt 10.9 and later).
 */
export function nameOfSavedState(now: Date, taken: readonly { readonly name: string }[]): string {
  const clock = [now.getHours(), now.getMinutes(), now.getSeconds()].map(twoDigits).join('.');
  const name = `before-revert-${localDate(now)}-${clock}`;
  const names = new Set(taken.map((snapshot) => snapshot.name));
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!names.has(candidate)) return candidate;
  }
}
