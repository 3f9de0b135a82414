import { describe, expect, test } from 'vitest';
import { createLog, redact } from './log.ts';

function written(write: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  write(createLog({ level: 'debug', destination: { write: (line) => lines.push(line) } }));
  return lines;
}

describe('the log', () => {
  test('writes one line of JSON whatever it is told', () => {
    const lines = written((log) => {
      log.warn('two\nlines', { text: 'a\nb', level: 'fatal', time: 0, msg: 'x' });
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 40, msg: 'two\nlines', details: { text: 'a\nb' } });
  });

  test('lets nothing of a host act on the terminal or editor that shows it', () => {
    const evil = 'a\u001b[2J\u007f\u009b31m\u202e\u2066\u200f\u2028';
    const [line = ''] = written((log) => {
      log.info(evil, { [evil]: evil, error: new Error(evil) });
    });
    expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    expect(JSON.parse(line)).toMatchObject({ msg: evil, details: { [evil]: evil } });
  });

  test.each(['secret', 'password', 'Passphrase', 'sshPassword', 'privateKey', 'token', 'cookie'])(
    'never writes what stands under %s, at any depth',
    (key) => {
      const [line] = written((log) => {
        const error = Object.assign(new Error('failed'), { [key]: 'hunter2' });
        log.info('m', { [key]: 'hunter2', a: { b: [{ [key]: { c: 'hunter2' } }] }, error });
      });
      expect(line).not.toContain('hunter2');
      expect(line).toContain('[redacted]');
    },
  );

  test('keeps what an error says, and its cause', () => {
    const text = JSON.stringify(redact({ error: new Error('outer', { cause: new Error('inner') }) }));
    expect(text).toContain('outer');
    expect(text).toContain('inner');
    expect(text).toContain('log.test.ts');
  });

  test('survives circles, depth, getters that throw, and what JSON does not know', () => {
    const circle: Record<string, unknown> = { big: 1n, symbol: Symbol('s'), f: () => 0, bytes: new Uint8Array(3) };
    circle['self'] = circle;
    let deep: unknown = 'end';
    for (let depth = 0; depth < 100; depth += 1) deep = { deep };
    const hostile = Object.defineProperty({}, 'x', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    expect(JSON.stringify(redact({ circle, deep, hostile, long: 'x'.repeat(1_000_000) })).length).toBeLessThan(30_000);
  });
});
