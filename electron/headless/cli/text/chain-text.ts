/** Chains of images as text. */
import type { Image } from '../../../../shared/model/inventory.ts';
import type { BrokenChain } from '../../../../shared/rules/broken-chains.ts';
import type { Chain } from '../../../../shared/rules/chains.ts';
import { shown, shownSentence } from '../output.ts';
import type { Paint } from '../output.ts';
import { tableLines } from './table.ts';
import type { Cell } from './table.ts';
import { bytes, count } from './words.ts';

function facts(image: Image, dependents: number): string {
  if (image.status !== 'ok') return '';
  const parts = [
    image.format ?? 'unknown format',
    `${bytes(image.allocatedBytes)} of ${bytes(image.virtualBytes)}`,
    ...(image.internalSnapshots.length > 0 ? [count(image.internalSnapshots.length, 'internal snapshot')] : []),
    ...(dependents > 1 ? [`${dependents} images hang on it`] : []),
    ...(image.dataFile ? [`data in ${shown(image.dataFile.imageId ?? image.dataFile.reference)}`] : []),
    ...(image.corrupt === true ? ['marked corrupt'] : []),
    ...(image.otherPaths.length > 0 ? [`also ${image.otherPaths.map(shown).join(', ')}`] : []),
  ];
  return parts.join(', ');
}

/** The lines of a chain, from the active layer to the base. `children`: how many images have this one as their parent. */
export function chainLines(
  chain: Chain,
  broken: BrokenChain | null,
  children: (imageId: string) => number,
  look: { readonly paint: Paint; readonly unicode: boolean },
): readonly string[] {
  const arrow = look.unicode ? '↓ ' : 'v ';
  const rows = chain.images.map((image, index): readonly (Cell | string)[] => [
    `  ${index === 0 ? '  ' : arrow}${shown(image.id)}`,
    { text: facts(image, children(image.id)), paint: (text) => look.paint('dim', text) },
  ]);
  const end = broken ? [look.paint('red', `    The chain ${shownSentence(broken.words)}`)] : [];
  return [...tableLines(rows), ...end];
}
