/** Paths in what `<qemu:commandline>` hands to the emulator as it is, and for what QEMU opens them. Pure. */

/** Options whose argument never is a disk: QEMU reads it as bytes, takes it for its memory, or writes to it. */
const withoutDisk: ReadonlySet<string> = new Set(
  'fw_cfg D mem-path kernel initrd dtb bios acpitable smbios pidfile append L'.split(' '),
);

/** The same of one part of an argument, by the option and by what the argument is about; '' stands for whatever it is about. */
const partsWithoutDisk: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  device: { '': 'romfile' },
  object: { 'memory-backend-file': 'mem-path', secret: 'file' },
};

/**
 * The options before arguments, by the place of these: `-fw_cfg` before `name=…`. Null where it is not certain that it is one: behind
 * something that begins with a dash it may be the value of that.
 */
export function optionsBefore(values: readonly string[]): readonly (string | null)[] {
  return values.map((_, index) => {
    const option = /^--?([A-Za-z][\w-]*)$/.exec(values[index - 1] ?? '')?.[1];
    return option === undefined || values[index - 2]?.startsWith('-') === true ? null : option;
  });
}

/** Whether `path`, which `value` names, is certain to be opened for something else than a disk. */
export function isPlainFile(option: string | null, value: string, path: string): boolean {
  if (option === null) return false;
  if (withoutDisk.has(option)) return true;
  const parts = partsOf(value);
  const known = partsWithoutDisk[option] ?? {};
  const key = known[parts[0]?.replace(/^qom-type=/, '') ?? ''] ?? known[''];
  const naming = parts.filter((part) => pathsInPart(part).includes(path));
  return key !== undefined && naming.length > 0 && naming.every((part) => part.startsWith(`${key}=`));
}

/** Absolute paths in an argument, behind names and between commas (`file=/a/b,format=raw`; QEMU doubles a comma that is meant). */
export function pathsInArgument(value: string): readonly string[] {
  return [...new Set(partsOf(value).flatMap(pathsInPart))];
}

function partsOf(value: string): readonly string[] {
  return value
    .replaceAll(',,', '\0')
    .split(',')
    .map((part) => part.replaceAll('\0', ','));
}

function pathsInPart(part: string): readonly string[] {
  // A path may hold any of these characters itself.
  const pieces = [...part.split(/[=:"'\s]/), part.slice(part.indexOf('=') + 1)];
  return pieces.filter((piece) => piece.startsWith('/') && piece.length > 1);
}
