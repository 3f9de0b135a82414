/**
 * Which of what was found is about the host's VMs and pools. Pure.
 *
 * A guest can write anything into a raw disk, also a header that names any file of the host as a backing image. Where
 * such a disk is met before it is known to be raw, the walk follows that name; what it found there belongs to nobody. And
 * what is remembered of earlier readings can be of no interest any more.
 */
import { posix } from 'node:path';
import { backingPath, dataFilePath, type ImageKnowledge } from './image-knowledge.ts';
import type { WalkedImage } from './walk-result.ts';
import { maximumDepth } from './walk-limits.ts';

/**
 * What is known, without images and folders that nothing leads to: from the paths that were asked for, over backing
 * images, to what else lies in the folders of any of these and in their subfolders.
 */
export function relevantKnowledge(
  knowledge: ImageKnowledge,
  paths: Iterable<string>,
  folders: Iterable<string>,
): ImageKnowledge {
  const real = (path: string): string => knowledge.realPaths.get(path) ?? path;
  const views = new Map<string, WalkedImage[]>();
  for (const image of knowledge.images.values()) views.set(image.id, [image]);
  for (const image of knowledge.otherViews.values()) {
    if (knowledge.images.get(image.id)?.raw !== true) views.get(image.id)?.push(image);
  }
  const inFolder = new Map<string, string[]>();
  const addTo = (folder: string, id: string) => {
    const known = inFolder.get(folder);
    if (known) known.push(id);
    else inFolder.set(folder, [id]);
  };
  for (const [id, ofImage] of views) {
    for (const { kind, path, info } of ofImage) {
      // Anything else in a folder is an image only if somebody says so.
      if (kind !== 'file' || info?.format === 'raw') continue;
      addTo(posix.dirname(id), id);
      // A link to it may lie in another folder.
      if (path !== id) addTo(posix.dirname(path), id);
    }
  }
  const subfolders = new Map<string, string[]>();
  for (const path of knowledge.folders.keys()) {
    for (let above = path, depth = 0; depth <= maximumDepth; depth++, above = posix.dirname(above)) {
      const known = subfolders.get(above);
      if (known) known.push(path);
      else subfolders.set(above, [path]);
      if (above === '/') break;
    }
  }

  const images = new Set<string>();
  const reached = new Set<string>();
  const kept = new Set<string>();
  const openImages = [...paths].map(real);
  const openFolders = [...folders].map(real);
  for (;;) {
    const id = openImages.pop();
    if (id !== undefined) {
      if (images.has(id)) continue;
      images.add(id);
      for (const view of views.get(id) ?? []) {
        const backing = backingPath(view);
        if (backing !== null) openImages.push(real(backing));
        const data = dataFilePath(view);
        if (data !== null) openImages.push(real(data));
        if (view.kind === 'file' || view.kind === 'absent') openFolders.push(posix.dirname(id));
      }
      continue;
    }
    const folder = openFolders.pop();
    if (folder === undefined) break;
    if (reached.has(folder)) continue;
    reached.add(folder);
    // What lies in the root folder is the system.
    for (const each of folder === '/' ? [folder] : (subfolders.get(folder) ?? [])) {
      if (kept.has(each)) continue;
      kept.add(each);
      openImages.push(...(inFolder.get(each) ?? []));
    }
  }
  return {
    ...knowledge,
    images: new Map([...knowledge.images].filter(([id]) => images.has(id))),
    otherViews: new Map([...knowledge.otherViews].filter(([, { id }]) => images.has(id))),
    savedMemory: new Map([...knowledge.savedMemory].filter(([path]) => kept.has(posix.dirname(path)))),
    folders: new Map([...knowledge.folders].filter(([path]) => kept.has(path))),
  };
}
