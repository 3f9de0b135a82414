import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameLine, newNonce, parseFrames } from './frames.ts';

const nonce = newNonce();

describe('parseFrames', () => {
  it('gives every body exactly as it was printed, whatever is in it', () => {
    const body = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\n', '\n\n', `\n${newNonce()} end\n`));
    fc.assert(
      fc.property(fc.array(fc.record({ kind: fc.constantFrom('domain', 'info'), body })), (frames) => {
        const output = [...frames, { kind: 'end', body: '' }].map(
          ({ kind, body: text }) => frameLine(nonce, kind) + text,
        );
        expect(
          parseFrames(`motd\n${output.join('')}`, nonce, 't').map(({ kind, body: text }) => ({ kind, body: text })),
        ).toEqual(frames);
      }),
    );
  });

  it('gives the words behind the kind as arguments', () => {
    const [frame] = parseFrames(`${frameLine(nonce, 'snapshot', 'uuid', '3')}x${frameLine(nonce, 'end')}`, nonce, 't');
    expect(frame).toEqual({ kind: 'snapshot', arguments: ['uuid', '3'], body: 'x' });
  });

  it.each(['', 'nonsense', `${frameLine(nonce, 'domain')}<domain>`, frameLine(newNonce(), 'end')])(
    'refuses an answer that was cut short: %j',
    (output) => {
      expect(() => parseFrames(output, nonce, 'Reading')).toThrow(
        expect.objectContaining({ code: 'unexpectedOutput' }),
      );
    },
  );

  it('makes a new nonce every time', () => {
    expect(newNonce()).not.toBe(newNonce());
    expect(newNonce()).toMatch(/^frame-[0-9a-f]{32}$/);
  });
});
