import { describe, expect, it } from 'vitest';
import type { Problem, UnknownDependents } from '../../model/inventory.ts';
import { unreadThings } from './unread.ts';
import type { UnreadFact } from './unread.ts';

const vm = { kind: 'vm', uuid: 'u' } as const;
const image = { kind: 'image', id: '/a', part: 'whole' } as const;
const folder = { kind: 'folder', path: '/f', part: 'list' } as const;
const source = { kind: 'source', reference: 'p/v' } as const;

const words = (things: readonly UnreadFact[]): readonly string[] =>
  things.map(({ what, reason, mayDepend }) => `${what}: ${reason}${mayDepend === true ? ' (may depend)' : ''}`);

describe('what could not be read', () => {
  it('is one thing in however many lists it stands, and what may depend on images is said to', () => {
    const facts: UnreadFact[] = [
      { what: 'VM a', reason: 'Timed out.', subject: vm },
      { what: 'image /a', reason: 'Denied.', subject: image },
    ];
    const doubts: UnknownDependents[] = [
      { what: 'VM a', reason: 'The VM could not be read: Timed out.', subject: vm, imageIds: null },
      { what: '/a', reason: 'It could not be examined (Denied.).', subject: image, imageIds: null },
      { what: '/f', reason: 'It cannot be listed.', subject: folder, imageIds: null },
    ];
    const problems: Problem[] = [{ severity: 'warning', message: 'The folder /f cannot be listed.', subject: folder }];
    expect(words(unreadThings(facts, doubts, problems))).toEqual([
      'VM a: Timed out. (may depend)',
      'image /a: Denied. (may depend)',
      '/f: It cannot be listed. (may depend)',
    ]);
  });

  it('is never left out because its words hold those of another', () => {
    const facts: UnreadFact[] = [{ what: 'VM a', reason: 'no', subject: vm }];
    const doubts: UnknownDependents[] = [
      { what: '/g', reason: 'It cannot be listed: no such right.', imageIds: null },
      { what: 'VM a', reason: 'no', imageIds: null },
      { what: '/a', reason: 'no', subject: { ...image, part: 'device' }, imageIds: null },
      { what: '/a', reason: 'no', subject: image, imageIds: null },
    ];
    const problems: Problem[] = [{ severity: 'error', message: 'no' }];
    expect(unreadThings(facts, doubts, problems)).toHaveLength(6);
  });

  it('is told as what counts, where one is possible and the same one remote', () => {
    const doubts: UnknownDependents[] = [
      { what: 'p/v', reason: 'unknown', subject: source, imageIds: null, likelihood: 'remote' },
      { what: 'p/v', reason: 'unknown, and may be /i/v', subject: source, imageIds: ['/i/v'] },
    ];
    expect(words(unreadThings([], doubts, []))).toEqual(['p/v: unknown, and may be /i/v (may depend)']);
  });

  it('is each disk whose image was not found, though two have the same source', () => {
    const facts: UnreadFact[] = ['vda', 'vdb'].map((what) => ({ what, reason: 'not found', subject: source }));
    const doubts: UnknownDependents[] = [{ what: 'p/v', reason: 'x', subject: source, imageIds: null }];
    expect(words(unreadThings(facts, doubts, []))).toEqual([
      'vda: not found (may depend)',
      'vdb: not found (may depend)',
    ]);
  });
});
