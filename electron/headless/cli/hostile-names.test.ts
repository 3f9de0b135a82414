/**
 * Every way by which names of a host reach a terminal, a pipe or a file, with names that were made to do harm. Nothing of
 * them acts, and a name that is shown is not another name.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulatedTestbed } from '../../simulator/simulated-testbed.fixtures.ts';
import { exitCodes } from './exit-codes.ts';
import { createSimulatedCli } from './simulated-cli.fixtures.ts';

/** What libvirt takes in a name: DEL, C1 (a CSI of one character), and what turns the direction of writing. */
const evil = 'a\u007fb\u009b31mc\u202ed\u2066e\u200ff';
/** No version of the host book took DEL. */
const hostName = `kvm ${evil.replace('\u007f', '')}`;
const vmName = `web ${evil}`;
const snapshotName = `one ${evil}`;
/** RFC 4180 ends its lines with CR LF. */
const acting = /(?!\r\n|[\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const testbed = createSimulatedTestbed();
const { folder, run, remove } = createSimulatedCli(testbed, hostName);
const planFile = join(folder, 'plan.json');
const batchFile = join(folder, 'batch.json');

beforeAll(async () => {
  const { uuid } = await testbed.createVirtualMachine({ name: vmName, folder: evil, disks: [{ target: 'vda' }] });
  await testbed.virsh(['snapshot-create-as', uuid, snapshotName, evil]);
});

afterAll(remove);

/** What takes a line of progress away again. */
const withoutProgress = (text: string): string => text.replaceAll('\r\u001b[K', '');

/** Each command of the program, with what it prints; in this order, since the later need what the earlier do. */
const commands: readonly (readonly string[])[] = [
  ['hosts'],
  ['hosts', '--json'],
  ['inventory'],
  ['inventory', '--json'],
  ['plan', 'create', vmName, snapshotName],
  ['plan', 'create', vmName, 'plain', '--json'],
  ['plan', 'create', vmName, 'plain', '--kind', 'external', '--description', evil],
  ['run', '--yes', planFile],
  ['tree', vmName],
  ['tree', vmName, '--json'],
  ['chain', vmName],
  ['chain', vmName, '--json'],
  ['plan', 'revert', vmName, snapshotName],
  ['plan', 'delete', vmName, snapshotName, '--json'],
  ['plan', 'delete', vmName, evil],
  ['tree', `${hostName}/${evil}`],
  ['plan', 'batch', '--delete', '--name-matches', 'one*'],
  ['plan', 'batch', '--delete', '--name-matches', 'one*', '--json'],
  ['run', '--yes', batchFile],
  ['batches'],
  ['batches', '--json'],
  ['operations'],
  ['operations', '--json'],
  ['report', '--all'],
  ['report', '--all', '--format', 'json'],
  ['report', '--all', '--format', 'html'],
  ['report', '--all', '--format', 'csv'],
  ['hosts', 'remove', evil],
  ['operations', 'show', evil],
];

describe.each(['terminal', 'pipe'])('names of a host on a %s', (where) => {
  it.each(commands.map((parameters) => ({ parameters })))(
    '$parameters',
    { timeout: 30_000 },
    async ({ parameters }) => {
      const isTTY = where === 'terminal';
      if (parameters.includes(batchFile)) {
        const { out } = await run(false, 'plan', 'batch', '--create', `many ${where}`, '--vm', '*', '--json');
        writeFileSync(batchFile, out);
      } else if (parameters[0] === 'run') {
        const { out } = await run(false, 'plan', 'create', vmName, `plain ${where}`, '--json');
        writeFileSync(planFile, out);
      }
      const { out, err } = await run(isTTY, ...parameters);
      expect(out + err).not.toBe('');
      expect(withoutProgress(out)).not.toMatch(acting);
      expect(withoutProgress(err)).not.toMatch(acting);
      // It is the name that is shown, and in JSON it is the name itself.
      expect(out + err).toContain(wordFor(parameters));
    },
  );
});

/** What stands for U+202E in what a command prints. */
function wordFor(parameters: readonly string[]): string {
  if (parameters.some((each) => each.includes('json')))
    return parameters[0] === 'run' ? '[right-to-left override]' : '\\u202e';
  return parameters.includes('csv') || (parameters[0] === 'report' && !parameters.includes('html'))
    ? '‹U+202E›'
    : '[right-to-left override]';
}

describe('what is kept on disk', () => {
  it('has no character that acts, in the trail of what was run and in journals', async () => {
    const { out } = await run(false, 'plan', 'create', vmName, 'kept', '--json');
    writeFileSync(planFile, out);
    expect(await run(false, 'run', '--yes', planFile)).toMatchObject({ exitCode: exitCodes.done });
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const written = files.filter(({ name }) => name !== 'hosts.json');
    expect(written.map(({ name }) => name)).toContain('audit.jsonl');
    expect(written.length).toBeGreaterThan(3);
    for (const { parentPath, name } of written)
      expect(readFileSync(join(parentPath, name), 'utf8'), name).not.toMatch(acting);
  });
});

describe('a script', () => {
  it('is the same on a terminal and in a file, with nothing unseen in it', async () => {
    const parameters = ['plan', 'delete', vmName, snapshotName, '--script'];
    const shown = await run(true, ...parameters);
    const written = await run(false, ...parameters);
    const steps = (script: string): string => script.slice(script.indexOf('set -eu'));
    expect(steps(shown.out)).toBe(steps(written.out));
    expect(written.out).not.toMatch(acting);
    expect(written.out).toContain('\\0342\\0200\\0256');
  });
});
