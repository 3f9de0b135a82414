/**
 * Which of the files that a definition names must be there for its VM to start, and what brings them back. Pure.
 *
 * Without each of these libvirt 7.0, 9.0 and 11.3 really refuse the start: see obstacles.integration.test.ts and
 * plan-revert-needs.integration.test.ts. Nothing is said of what libvirt makes itself (logs, sockets, the state of an emulated
 * TPM; their folders must be there), nor of devices that it looks for by other means than a path.
 */
import { posix } from 'node:path';
import { shellLine } from '../../../../../shared/rules/text/shell-words.ts';
import type { FileUse, NamedFile } from './named-files.ts';

const needs: ReadonlyMap<FileUse, string> = new Map([
  ['loader', 'its firmware'],
  ['kernel', 'its kernel'],
  ['initrd', 'its initial RAM disk'],
  ['deviceTree', 'its device tree'],
  ['acpiTable', 'its ACPI table'],
  ['rom', 'the ROM of a device'],
  ['emulator', 'its emulator'],
  ['filesystem', 'a folder that it shares'],
  ['hostDevice', 'a device of the host'],
  ['tpm', 'a device of the host'],
  ['characterDevice', 'a device of the host'],
  ['socket', 'a socket that another program offers'],
  ['log', 'the folder of a log'],
]);

/** What `needsOf` looks at. */
export const usesNeeded: ReadonlySet<FileUse> = new Set([...needs.keys(), 'nvram', 'nvramTemplate']);

/** What QEMU or libvirt makes in a folder that must be there. */
const madeInFolder: ReadonlySet<FileUse> = new Set(['characterDevice', 'log']);

/** Of these, paths outside of `/dev` and `/sys` are made by QEMU or libvirt, or are no paths of the host. */
const devices: ReadonlySet<FileUse> = new Set(['hostDevice', 'tpm', 'characterDevice', 'log']);

/** Folders that libvirt makes itself. */
const ofLibvirt = /^\/(?:var\/)?(?:run|lib|cache|log)\/libvirt\//;

export interface Need {
  readonly path: string;
  readonly what: string;
  /** What brings it back, as a sentence without its end. */
  readonly remedy: string;
  /** The VM can as well be defined without it. */
  readonly canBeLeftOut: boolean;
}

function pathOf({ source }: Pick<NamedFile, 'source'>): string | null {
  return source.kind === 'image' && source.reference.startsWith('/') ? source.reference : null;
}

/** Every path at which something may have to be. */
export function pathsNeededBy(files: readonly NamedFile[]): readonly string[] {
  return files.flatMap((file) => {
    if (file.use === 'nvram' || file.use === 'nvramTemplate') return pathOf(file) ?? [];
    return pathNeededBy(file) ?? [];
  });
}

/** What of `files` is needed and gone. */
export function needsOf(files: readonly NamedFile[], isGone: (path: string) => boolean): readonly Need[] {
  const gone = files.flatMap((file): Need[] => {
    const path = pathNeededBy(file);
    return path !== null && isGone(path) ? [needOf(file, path)] : [];
  });
  return [...gone, ...firmwareNeeds(files, isGone)];
}

/** What sets a network card up (`<interface><script path=…/>`). */
function isScript({ place }: Pick<NamedFile, 'place'>): boolean {
  return place.endsWith('/script') || place.endsWith('/downscript');
}

function isDevice(path: string): boolean {
  return /^\/(?:dev|sys)\//.test(path);
}

/** Where something must be for a file to be there or to be made; null where that cannot be told from a path. */
function pathNeededBy(file: NamedFile): string | null {
  const path = pathOf(file);
  if (path === null || !needs.has(file.use)) return null;
  // Terminals come with the VM.
  if (isDevice(path)) return path.startsWith('/dev/pts/') ? null : path;
  if (file.use === 'socket') return ofLibvirt.test(path) ? null : path;
  if (!devices.has(file.use) || isScript(file)) return path;
  return !madeInFolder.has(file.use) || ofLibvirt.test(path) ? null : posix.dirname(path);
}

/** @param path where nothing is, of `pathNeededBy` */
function needOf(file: NamedFile, path: string): Need {
  const what = needs.get(file.use) ?? '';
  if (isDevice(path)) return { path, what, remedy: 'Bring the device back', canBeLeftOut: true };
  if (isScript(file))
    return { path, what: 'a script of a network card', remedy: 'Put the file back', canBeLeftOut: true };
  if (file.use === 'socket') return { path, what, remedy: 'Start the program that offers it', canBeLeftOut: true };
  const make = shellLine(['mkdir', '-p', '--', path]);
  if (madeInFolder.has(file.use)) {
    return {
      path,
      what: `the folder of ${pathOf(file) ?? ''}`,
      remedy: `Make the folder: ${make}`,
      canBeLeftOut: false,
    };
  }
  if (file.use === 'filesystem') {
    const remedy = `Mount or restore the folder; or make an empty one: ${make}`;
    return { path, what, remedy, canBeLeftOut: false };
  }
  return { path, what, remedy: 'Put the file back', canBeLeftOut: true };
}

/** The paths of files of the firmware. */
export function firmwareFiles(files: readonly NamedFile[], use: 'nvram' | 'nvramTemplate'): readonly string[] {
  return files.filter((file) => file.use === use).flatMap((file) => pathOf(file) ?? []);
}

/** Variables of the firmware that are gone together with the template from which libvirt would make new ones. */
export function firmwareNeeds(files: readonly NamedFile[], isGone: (path: string) => boolean): readonly Need[] {
  if (!firmwareFiles(files, 'nvram').some(isGone)) return [];
  return firmwareFiles(files, 'nvramTemplate')
    .filter(isGone)
    .map((path) => ({
      path,
      what: 'the template for the variables of its firmware, which are gone',
      remedy: `Put the variables back from a backup, or the template: the package of the firmware holds it`,
      canBeLeftOut: false,
    }));
}
