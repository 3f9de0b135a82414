/** The shell script that examines images on a host: asked for by path, found by following chains and by looking round. */
import { withoutEnd } from '../../../shared/rules/text/trim.ts';
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { openFilesFunctions } from './open-files-script.ts';
import { walkFunctions } from './walk-functions.ts';

export interface WalkRequest {
  /** Absolute. */
  readonly path: string;
  /**
   * True where the image is used as raw. It is then read as raw: a guest can write anything into a raw disk, also a
   * header that makes it look like an overlay of some file of the host. Where it begins so, it is examined as that as well:
   * the definition may be what is wrong.
   */
  readonly raw: boolean;
}

/** What one walk is to do. */
export interface WalkTask {
  readonly requests: readonly WalkRequest[];
  /**
   * Examine the requests themselves. Otherwise those that looking through their folders will find are left to that, so
   * that nothing is examined twice.
   */
  readonly alone: boolean;
  /** Folders to look through besides those in which the images lie. */
  readonly folders: readonly string[];
  /** Folders that were looked through already. */
  readonly skippedFolders: readonly string[];
  /** Folders whose files are only to be listed with their status, to see what changed. */
  readonly listedFolders: readonly string[];
  /** Paths whose status behind all symbolic links is wanted. */
  readonly links: readonly string[];
  /** Paths of which only is to be told whether something is there. */
  readonly lookedFor: readonly string[];
  /** Paths that somebody names for something else than a disk: what begins like an image there is asked for as one. */
  readonly named: readonly string[];
  /** Files to examine if they begin like an image. */
  readonly candidates: readonly string[];
  /**
   * What is to be told of files that are open: locks and loop devices, and what these processes have open (all: of which this
   * user may know it). Null: nothing.
   */
  readonly openFiles: { readonly processes: readonly string[] | 'all' } | null;
}

/**
 * A script that prints, in frames, all about the images at `requests`, about every image that their chains reach by
 * plain absolute paths, and about every other qcow2 or qed image in the folders in which any of these lie and in their
 * subfolders: an overlay that no VM names depends on its backing image all the same.
 *
 * Frames:
 * - `named` (body: a path as asked for or as recorded), `real` (the resolved path of it), `spelled` (the same path with its
 *   folder resolved, where that is another; the image is examined by it); then, where it is examined,
 *   `kind file|block|other|absent [raw]` and, once or again after a failure, `info` (JSON, or the error) and `exit CODE`; or
 *   `header`: its first bytes are in the next `headers` (base64), which holds those of all files named since the one before;
 * - `saved` (body: the path of a file, which may hold line breaks, a line break, and the beginning of it, without what cannot be
 *   printed: a header, and the definition of the VM whose memory libvirt saved there);
 * - `folder` or, where it was only listed, `listing` (its path), and of that folder `df`, `entries` (the status of
 *   everything in it, and of itself), `unlisted` (cannot be listed), `cut` (has more files than are looked at), `closed` (a file
 *   that could not be opened), `subfolders` (has more of them than are looked at);
 * - `status` (of paths, behind symbolic links), `locked` (a candidate that cannot be opened);
 * - `locks` (device and inode of each file on which QEMU's kind of lock is held; at the beginning and at the end), `loop DEVICE`
 *   (body: the file behind it), `open` (what processes have open; see open-files-script.ts), `processes` (those of the end);
 * - `there file|folder|sealed|nothing|hidden` (body: a path that was to be looked for; sealed: a file or block device that this
 *   user may not read; hidden: this user cannot see so far);
 * - `folders` (there were more than are looked through), `noqemuimg`, `nostat`, `end`.
 *
 * Every image is examined on its own, since `--backing-chain` fails as a whole; with `-U`, since VMs may be running;
 * and several at a time, since one costs about 10 ms, nearly all of it for starting qemu-img.
 */
export function walkScript(nonce: string, task: WalkTask): string {
  const alone = task.alone ? 'alone' : "''";
  return [
    `N=${quoteArgument(nonce)}`,
    walkFunctions,
    openFilesFunctions,
    ...openFiles(task),
    ...task.skippedFolders.map((folder) => `skip_folder ${quoteArgument(withoutSlash(folder))}`),
    ...task.listedFolders.map((folder) => `list_folder ${quoteArgument(withoutSlash(folder))}`),
    ...batches(task.links).map((paths) => `status_of ${paths.map(quoteArgument).join(' ')}`),
    ...batches(task.lookedFor).map((paths) => `look_for ${paths.map(quoteArgument).join(' ')}`),
    ...task.requests.map(({ path, raw }) => `request ${quoteArgument(path)} ${raw ? 'raw' : "''"} ${alone}`),
    ...batches(task.named).map((paths) => `request_images ${alone} ${paths.map(quoteArgument).join(' ')}`),
    ...task.folders.map((folder) => `request_folder ${quoteArgument(folder)}`),
    ...batches(task.candidates).map((paths) => `consider ${paths.map(quoteArgument).join(' ')}`),
    'walk',
    // What others only look at, as readings of images do, is let go of by then.
    ...(task.openFiles ? ['locks', 'processes'] : []),
    'frame end',
    '',
  ].join('\n');
}

function openFiles({ openFiles: asked }: WalkTask): readonly string[] {
  if (!asked) return [];
  const { processes } = asked;
  const folders = processes === 'all' ? ['/proc/[0-9]*'] : processes.map((pid) => quoteArgument(`/proc/${pid}`));
  return ['locks', 'loops', `open_files ${folders.join(' ')}`];
}

/** The root folder is the empty string in the script, so that a slash and a name can follow it. */
function withoutSlash(folder: string): string {
  return withoutEnd(folder, '/');
}

function batches(paths: readonly string[]): readonly (readonly string[])[] {
  const size = 64;
  return Array.from({ length: Math.ceil(paths.length / size) }, (_, index) =>
    paths.slice(index * size, (index + 1) * size),
  );
}
