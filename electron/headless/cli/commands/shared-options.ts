/** Options that several commands have. */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';

export const hostOption = () => new Option('--host <host>', 'name or id of the host in the host book');

export const uriOption = () =>
  new Option(
    '--uri <uri>',
    'a host that need not be in the host book: qemu:///system, qemu+ssh://USER@HOST/system',
  ).conflicts('host');

/** A whole number of an option, within limits. Throws what the parser shows its user. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** For an option that can be given several times. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Files by the target of their disk, from words like `vda=/srv/web.qcow2`; null where one is not of that kind, or a disk has two. */
export function filesByTarget(words: readonly string[]): Record<string, string> | null {
  const matches = words.map((word) => /^([^=]+)=(.+)$/s.exec(word));
  const files = Object.fromEntries(matches.map((match) => [match?.[1] ?? '', match?.[2] ?? '']));
  return matches.includes(null) || Object.keys(files).length < words.length ? null : files;
}
