/** Chains of images as text. */
import type { Image } from '../../../../shared/model/inventory.ts';
import type { BrokenChain } from '../../../../shared/rules/chains/broken-chains.ts';
import type { Chain } from '../../../../shared/rules/chains/chains.ts';
import { firstOf } from '../../../../shared/rules/text/first-of.ts';
import type { LayerDependence } from '../../../../shared/rules/chains/layer-dependence.ts';
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

/** Who else needs an image, each kind in a sentence: plans are refused for them, but for what the VM itself names. */
function needs(dependence: LayerDependence, paint: Paint): readonly Cell[] {
  const { others, names, namedByOthers, inOtherChains, ofNoVm, possible, unknown } = dependence;
  const kinds: readonly (readonly [intro: string, names: readonly string[]])[] = [
    [`Also used by ${count(others.length, 'VM')}`, others],
    ['Also named by', names],
    [
      `Also needed by ${count(inOtherChains.length, 'image')} in ${inOtherChains.length === 1 ? 'another chain' : 'other chains'} of this VM`,
      inOtherChains,
    ],
    [`Also needed by ${count(ofNoVm.length, 'image')} that no VM is known to use`, ofNoVm],
    [`Perhaps also needed by ${count(possible.length, 'image')} used as raw`, possible],
    ['Perhaps also needed by what could not be looked into', unknown],
  ];
  return kinds.flatMap(([intro, of]): readonly Cell[] => {
    const style = of === names && !namedByOthers ? 'dim' : 'yellow';
    if (of.length === 0) return [];
    return [{ text: `      ${intro}: ${firstOf(of.map(shown))}`, paint: (text) => paint(style, text) }];
  });
}

/** The lines of a chain, from the active layer to the base. */
export function chainLines(
  chain: Chain,
  broken: BrokenChain | null,
  told: {
    /** How many images have this one as their parent. */
    readonly children: (imageId: string) => number;
    /** Of the chain of a VM; null where it is told elsewhere. */
    readonly dependence: ((imageId: string) => LayerDependence) | null;
  },
  look: { readonly paint: Paint; readonly unicode: boolean },
): readonly string[] {
  const arrow = look.unicode ? '↓ ' : 'v ';
  const rows = chain.images.flatMap((image, index): readonly (readonly (Cell | string)[])[] => [
    [
      `  ${index === 0 ? '  ' : arrow}${shown(image.id)}`,
      { text: facts(image, told.children(image.id)), paint: (text) => look.paint('dim', text) },
    ],
    ...(told.dependence ? needs(told.dependence(image.id), look.paint) : []).map((cell) => [cell]),
  ]);
  const end = broken ? [look.paint('red', `    The chain ${shownSentence(broken.words)}`)] : [];
  return [...tableLines(rows), ...end];
}
