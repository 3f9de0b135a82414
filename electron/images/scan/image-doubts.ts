/** What the reading of images could not look into. Pure. */
import type { Problem, UnknownDependents, UnreadSubject } from '../../../shared/model/inventory.ts';
import { fileNameOf } from '../../../shared/rules/text/folders.ts';
import { pathsInReference } from '../image-reference.ts';
import type { AssembledImages } from './assemble-images.ts';
import { statusOf, type ImageKnowledge } from './image-knowledge.ts';
import type { WalkedFolder } from './walk-result.ts';
import { maximumFilesPerFolder, maximumFolders, maximumSubfolders } from './walk-limits.ts';

const noQemuImg =
  'The command qemu-img is not there, so no image could be examined: chains and dependents are not known. Install it (Debian: qemu-utils, Fedora and its kin: qemu-img).';

const withoutQemuImg: UnreadSubject = { kind: 'host', part: 'images' };

/** Major numbers, in hexadecimal, of block devices that can be another image of this host (Linux, devices.txt). */
const devicesOfOthers: ReadonlyMap<string, string> = new Map([
  ['7', 'loop'],
  ['2b', 'network block'],
]);

/** What was not seen, in sentences for whoever looks at the host. */
export function imageProblems(knowledge: ImageKnowledge): readonly Problem[] {
  const ofFolders = [...knowledge.folders.values()].flatMap((folder) =>
    folderDoubts(folder, knowledge).map(({ words, subject }): Problem => ({
      severity: 'warning',
      message: `${words}: overlays there that no VM names would not be seen.`,
      subject,
    })),
  );
  return knowledge.hasQemuImg
    ? ofFolders
    : [...ofFolders, { severity: 'error', message: noQemuImg, subject: withoutQemuImg }];
}

/** What may, for all that is known, depend on images of the host. */
export function imageDoubts(
  knowledge: ImageKnowledge,
  assembled: Pick<AssembledImages, 'images' | 'views' | 'ambiguous' | 'openHeaders' | 'imageIdOf'>,
): readonly UnknownDependents[] {
  const { images, views, ambiguous, openHeaders } = assembled;
  if (!knowledge.hasQemuImg) {
    return [{ what: 'every image of the host', reason: noQemuImg, subject: withoutQemuImg, imageIds: null }];
  }
  const doubts: UnknownDependents[] = [];
  for (const folder of knowledge.folders.values()) {
    for (const { words, subject } of folderDoubts(folder, knowledge)) {
      doubts.push({ what: folder.path, reason: `${words}.`, subject, imageIds: null });
    }
  }
  if (knowledge.foldersCut) {
    const reason = `Images lie in more than ${maximumFolders} folders; the others were not looked through.`;
    doubts.push({ what: 'further folders', reason, imageIds: null });
  }
  for (const { id, kind, status, problem, parent, parentsByPath = [] } of images) {
    // Of images on the network it depends on their use whether it matters; `unknownDependents` knows that.
    if (kind === 'network') continue;
    const view = views.get(id);
    // A raw image has no backing image, and neither has a folder or a socket.
    if (status === 'unreadable' && view?.raw !== true && view?.kind !== 'other') {
      const reason = `It could not be examined (${problem ?? 'no reason was given'}), so its backing image is not known.`;
      doubts.push({ what: id, reason, subject: { kind: 'image', id, part: 'whole' }, imageIds: null });
    }
    const behind =
      kind === 'block' ? devicesOfOthers.get(statusOf(knowledge, id)?.blockDevice?.split(':')[0] ?? '') : undefined;
    if (behind !== undefined) {
      const reason = `It is a ${behind} device, and which image lies behind it is not known.`;
      doubts.push({ what: id, reason, subject: { kind: 'image', id, part: 'device' }, imageIds: null });
    }
    const unfollowed = [parent, ...parentsByPath.map((each) => each.parent)].find((each) => each?.imageId === null);
    if (unfollowed) {
      const reason = `Its backing image, recorded as ${unfollowed.reference}, could not be found out.`;
      const remedy = `Find out what ${id} hangs on: where nobody needs it, move it to another folder; else record a plain path that means the same (qemu-img rebase -u -b PATH -F FORMAT).`;
      const subject = { kind: 'image', id, part: 'backing' } as const;
      doubts.push({ what: id, reason, subject, imageIds: knownImages(unfollowed.reference, assembled), remedy });
    }
  }
  for (const { id, kind, otherPaths } of images) {
    const status = kind === 'file' ? statusOf(knowledge, id) : undefined;
    const unseen = (status?.links ?? 1) - 1 - otherPaths.length;
    if (unseen <= 0) continue;
    // Whoever made the link uses the image by it, or keeps it as a copy; overlays would lie beside it.
    const reason = `The file has ${unseen === 1 ? 'one more name (a hard link)' : `${unseen} more names (hard links)`} in a folder that was not looked through.`;
    doubts.push({ what: `further names of ${id}`, reason, imageIds: [id] });
  }
  for (const id of openHeaders) {
    const reason =
      'It is used as raw, but begins as an overlay of something that could not be followed to its end: either the format in the definition is wrong, or the guest wrote this beginning.';
    const remedy = 'Correct the format in the definition of the VM, if that is what is wrong.';
    const subject = { kind: 'image', id, part: 'header' } as const;
    doubts.push({ what: id, reason, subject, imageIds: null, remedy, likelihood: 'remote' });
  }
  for (const { path, parentId } of ambiguous) {
    const reason = `By this name the image has another backing image than by its other names: ${parentId ?? 'one that could not be found out'}.`;
    const subject = { kind: 'image', id: path, part: 'backing' } as const;
    doubts.push({ what: path, reason, subject, imageIds: parentId === null ? null : [parentId] });
  }
  return doubts;
}

/** The images that such a reference can be about; null where it is not known of each path which image it leads to. */
function knownImages(reference: string, { imageIdOf }: Pick<AssembledImages, 'imageIdOf'>): string[] | null {
  const ids = pathsInReference(reference)?.map((path) => imageIdOf(path)) ?? [null];
  return ids.every((id) => id !== null) ? [...new Set(ids)] : null;
}

interface FolderDoubt {
  /** Without a full stop. */
  readonly words: string;
  readonly subject: UnreadSubject & { readonly kind: 'folder' };
}

function folderDoubts(folder: WalkedFolder, { images }: ImageKnowledge): readonly FolderDoubt[] {
  const { path, listed, cut, subfoldersCut } = folder;
  const doubts: FolderDoubt[] = [];
  const add = (part: FolderDoubt['subject']['part'], words: string): void => {
    doubts.push({ words, subject: { kind: 'folder', path, part } });
  };
  if (!listed) add('list', `The folder ${path} cannot be listed by this user`);
  if (cut) {
    add(
      'furtherFiles',
      `The folder ${path} holds more than ${maximumFilesPerFolder} files; the rest was not looked at`,
    );
  }
  if (subfoldersCut) {
    add(
      'subfolders',
      `There are more than ${maximumSubfolders} subfolders in ${path} and elsewhere; the rest was not looked into`,
    );
  }
  // What is known as an image is spoken of as such.
  const closed = folder.closed.filter((name) => !images.has(name));
  if (closed.length > 0) {
    const shown = closed.slice(0, 5).map(fileNameOf);
    const which = `(${shown.join(', ')}${closed.length > shown.length ? ' …' : ''})`;
    add(
      'closedFiles',
      `${closed.length} ${closed.length === 1 ? 'file' : 'files'} in ${path} cannot be opened by this user ${which}`,
    );
  }
  return doubts;
}
