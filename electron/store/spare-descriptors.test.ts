import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withSpareDescriptors } from './spare-descriptors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-descriptors-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs in a process that may have 64 files open, opens all of them, and then writes to the store. */
function exhausted(spare: boolean): string {
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    import { openSync } from 'node:fs';
    import { replaceFile } from ${module('files.ts')};
    import { createAuditTrail } from ${module('audit-trail.ts')};
    import { newJournal } from ${module('journal.ts')};
    import { keepSpareDescriptors } from ${module('spare-descriptors.ts')};
    const folder = ${JSON.stringify(folder)};
    // Whatever they need is loaded before there are no descriptors left.
    await replaceFile(folder + '/hosts.json', 'old');
    if (${spare}) keepSpareDescriptors();
    for (;;) { try { openSync('/dev/null', 'r'); } catch { break; } }
    for (let count = 0; count < 3; count += 1) {
      await replaceFile(folder + '/hosts.json', 'new ' + count);
      await createAuditTrail(folder + '/audit.jsonl').append({ count });
      await newJournal(folder + '/journal', 'j' + count, () => 1).append({ type: 'cancelRequested' });
    }
  `;
  const command = 'ulimit -n 64 && exec "$0" --input-type=module-typescript -e "$1"';
  const { stderr } = spawnSync('/bin/sh', ['-c', command, process.execPath, program], { encoding: 'utf8' });
  return stderr;
}

test.skipIf(process.platform === 'win32')(
  'host book, journal and audit trail are written where no descriptor is left',
  () => {
    expect(exhausted(true)).toBe('');
    expect(readFileSync(join(folder, 'hosts.json'), 'utf8')).toBe('new 2');
    expect(readdirSync(join(folder, 'journal')).sort()).toEqual(['j0.jsonl', 'j1.jsonl', 'j2.jsonl']);
    expect(readFileSync(join(folder, 'audit.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3);
  },
);

test.skipIf(process.platform === 'win32')('which they are not without the spare ones', () => {
  expect(exhausted(false)).toContain('EMFILE');
  expect(readFileSync(join(folder, 'hosts.json'), 'utf8')).toBe('old');
});

test('another failure is no reason to try again', async () => {
  let times = 0;
  const failing = () => {
    times += 1;
    return Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
  };
  await expect(withSpareDescriptors(failing)).rejects.toThrow('full');
  expect(times).toBe(1);
});
