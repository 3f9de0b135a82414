import { describe, expect, it } from 'vitest';
import { storagePools } from './storage-pools.ts';

const uuid = (n: number): string => `00000000-0000-0000-0000-00000000000${n}`;
const pool = (type: string, path: string): string =>
  `<pool type='${type}'><name>p</name><target><path>${path}</path></target></pool>\n`;

function of(bodies: readonly string[]) {
  const pools = new Map(bodies.map((body, index) => [uuid(index), body]));
  return storagePools({ poolList: [...pools.keys(), ''].join('\n'), pools });
}

describe('storage pools', () => {
  it('are the folders of those that have one', () => {
    const bodies = [pool('dir', '/b &amp; c'), pool('netfs', '/a'), pool('logical', '/dev/vg'), pool('dir', '/a')];
    expect(of(bodies)).toEqual({ folders: ['/a', '/b & c'], names: new Set(['p']), unknown: [] });
  });

  it('that cannot be read may hold what depends on images; those that are gone do not', () => {
    const { folders, unknown } = of(['error: internal\n', '', '<pool', 'error: Storage pool not found: x\n']);
    expect(folders).toEqual([]);
    expect(unknown.map(({ what, imageIds }) => [what, imageIds])).toEqual([
      [`Storage pool ${uuid(0)}`, null],
      [`Storage pool ${uuid(1)}`, null],
      [`Storage pool ${uuid(2)}`, null],
    ]);
  });

  it('that could not be listed', () => {
    expect(storagePools({ poolList: 'error: Timed out\n', pools: new Map() }).unknown).toHaveLength(1);
    const none = 'error: this function is not supported by the connection driver: virConnectListAllStoragePools\n';
    expect(storagePools({ poolList: none, pools: new Map() }).unknown).toEqual([]);
  });
});
