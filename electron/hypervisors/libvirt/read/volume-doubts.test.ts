import { describe, expect, it } from 'vitest';
import { image } from '../../../../shared/model/inventory.fixtures.ts';
import type { UnknownDependents } from '../../../../shared/model/inventory.ts';
import { volumeDoubts } from './volume-doubts.ts';

const unlisted: UnknownDependents = { what: 'Storage pools', reason: 'Timed out.', imageIds: null };

/** What is doubted of a disk that is the volume `v` of the pool `p`, which leads to `imageId`. */
function doubtsOf(
  pools: { names: readonly string[]; unknown?: readonly UnknownDependents[] },
  imageId: string | null = null,
) {
  const source = { kind: 'volume', pool: 'p', volume: 'v' } as const;
  const file = { use: 'disk', source, place: 'vda', format: null, by: 'definition', snapshotName: null } as const;
  const images = new Map(['/i/v', '/i/w'].map((id) => [id, image(id)]));
  const vm = { domain: { name: 'web' }, files: [file] };
  return volumeDoubts(
    [vm],
    { pools: { names: new Set(pools.names), unknown: pools.unknown ?? [] } },
    { images, imageIdOf: () => imageId },
  );
}

describe('a volume without a path', () => {
  it('is none where it led to an image', () => {
    expect(doubtsOf({ names: ['p'] }, '/i/v')).toEqual([]);
  });

  it('may depend on anything where its pool is only not started, which starting it settles', () => {
    const [doubt, ...more] = doubtsOf({ names: ['p'] });
    expect(doubt).toMatchObject({ what: 'p/v', imageIds: null });
    expect(doubt?.likelihood).toBeUndefined();
    expect(doubt?.remedy).toContain('virsh pool-start --pool=p');
    expect(more).toEqual([]);
  });

  it('is perhaps the image of its name where there is no such pool, and else only remotely anything', () => {
    expect(doubtsOf({ names: ['other'] })).toMatchObject([
      { what: 'p/v', imageIds: null, likelihood: 'remote' },
      { what: 'p/v', imageIds: ['/i/v'] },
    ]);
  });

  it('may depend on anything where it is not known which pools there are', () => {
    expect(doubtsOf({ names: [], unknown: [unlisted] })).toMatchObject([{ what: 'p/v', imageIds: null }]);
  });
});
