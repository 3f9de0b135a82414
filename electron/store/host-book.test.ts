import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Notice } from '../../shared/contract.ts';
import { hostSettingsSchema } from '../../shared/model/host.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import { hostBookVersion, openHostBook } from './host-book.ts';

let folder: string;
let path: string;
let notices: Notice[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-store-'));
  path = join(folder, 'data', 'hosts.json');
  notices = [];
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const open = () => openHostBook(path, (notice) => notices.push(notice));

function settings(name: string): HostSettings {
  const authentication = { method: 'keyFile', path: '/keys/id' } as const;
  const connection = { address: 'host.example', port: 22, user: 'me', authentication, jumps: [] };
  return {
    name,
    connection: { transport: 'ssh', ...connection },
    hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
    sudo: false,
    readOnly: false,
  };
}

function putFile(text: string): void {
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(path, text);
}

const asideFiles = () => readdirSync(join(folder, 'data')).filter((name) => name.includes('.corrupt-'));

describe('the host book', () => {
  it('keeps what was added, changed and removed', async () => {
    const book = await open();
    expect(existsSync(path)).toBe(false);
    const [one, two] = [await book.add(settings('one')), await book.add(settings('two'))];
    await book.update(one.id, { ...settings('renamed'), connection: { transport: 'local' } });
    expect((await open()).list()).toEqual([
      { ...settings('renamed'), connection: { transport: 'local' }, id: one.id },
      { ...settings('two'), id: two.id },
    ]);
    await book.remove(two.id);
    expect((await open()).list().map(({ name }) => name)).toEqual(['renamed']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      schema: 'snaptree.hostBook',
      version: hostBookVersion,
    });
    expect(notices).toEqual([]);
    // No temporary file is left.
    expect(readdirSync(join(folder, 'data'))).toEqual(['hosts.json']);
  });

  it('is for its owner only', async () => {
    await (await open()).add(settings('one'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    chmodSync(path, 0o644);
    await (await open()).add(settings('two'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('loses none of many changes at once', async () => {
    const book = await open();
    const listener = vi.fn();
    book.onChange(listener);
    await Promise.all(Array.from({ length: 25 }, (_each, index) => book.add(settings(`host ${index}`))));
    expect((await open()).list()).toHaveLength(25);
    expect(listener).toHaveBeenCalledTimes(25);
  });

  it('refuses a name that is taken, also when both come at once', async () => {
    const book = await open();
    const outcomes = await Promise.allSettled([book.add(settings('Same')), book.add(settings('same'))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const other = await book.add(settings('other'));
    await expect(book.update(other.id, settings('SAME'))).rejects.toMatchObject({ code: 'invalidRequest' });
    await expect(book.update(other.id, settings('Other'))).resolves.toMatchObject({ name: 'Other' });
  });

  it('does not know a host that is gone', async () => {
    const book = await open();
    const notFound = expect.objectContaining({ code: 'hostNotFound' }) as Error;
    expect(() => book.get('x')).toThrow(notFound);
    await expect(book.update('x', settings('one'))).rejects.toThrow(notFound);
    await expect(book.remove('x')).rejects.toThrow(notFound);
  });

  it.each([
    ['nothing', ''],
    ['half a file', '{"schema":"snaptree.hostBook","version":1,"hosts":[{"id":'],
    ['no object', '[]'],
    ['another schema', '{"schema":"other","version":1,"hosts":[]}'],
    ['a wrong host', '{"schema":"snaptree.hostBook","version":1,"hosts":[{"id":"x"}]}'],
    ['something unknown', '{"schema":"snaptree.hostBook","version":1,"hosts":[],"more":1}'],
    ['version 0', '{"schema":"snaptree.hostBook","version":0,"hosts":[]}'],
    ['NUL bytes, as after a power cut', '\0'.repeat(100)],
  ])('keeps a damaged file aside, says where, and begins anew: %s', async (_title, text) => {
    putFile(text);
    const book = await open();
    expect(book.list()).toEqual([]);
    const [aside = ''] = asideFiles();
    expect(readFileSync(join(folder, 'data', aside), 'utf8')).toBe(text);
    expect(notices).toMatchObject([{ severity: 'error' }]);
    expect(notices[0]?.message).toContain(join(folder, 'data', aside));
    await book.add(settings('new'));
    expect((await open()).list()).toHaveLength(1);
  });

  it('overwrites no file that was set aside before', async () => {
    for (const text of ['first', 'second', 'third']) {
      putFile(text);
      await open();
    }
    const texts = asideFiles().map((name) => readFileSync(join(folder, 'data', name), 'utf8'));
    expect(texts.sort()).toEqual(['first', 'second', 'third']);
  });

  it('sets any other text aside whole', async () => {
    const text = fc.oneof(fc.string(), fc.json());
    await fc.assert(
      fc.asyncProperty(text, async (each) => {
        rmSync(join(folder, 'data'), { recursive: true, force: true });
        putFile(each);
        await open();
        expect(asideFiles().map((name) => readFileSync(join(folder, 'data', name), 'utf8'))).toEqual([each]);
      }),
      { numRuns: 50 },
    );
  });

  it('whose bits a disk has changed is not believed, and one edited by hand without its checksum is', async () => {
    await (await open()).add(settings('one'));
    const written = readFileSync(path, 'utf8');
    putFile(written.replace('host.example', 'host.exbmple'));
    expect((await open()).list()).toEqual([]);
    expect(notices[0]?.message).toContain('checksum');
    putFile(written.replace('host.example', 'other.example').replace(/ {2}"checksum".*\n/, ''));
    expect((await open()).list()[0]?.connection).toMatchObject({ address: 'other.example' });
  });

  it('keeps hosts of a hypervisor that only a newer version knows, and writes them back as they were', async () => {
    const strange = { kind: 'xen', toolstack: 'xl', limits: { memory: [1, null, true] } };
    const book = await open();
    const known = await book.add(settings('known'));
    const kept = { ...settings('strange'), id: '00000000-0000-4000-8000-000000000001', hypervisor: strange };
    putFile(JSON.stringify({ schema: 'snaptree.hostBook', version: hostBookVersion, hosts: [known, kept] }));
    const later = await open();
    expect(notices).toEqual([]);
    expect(later.list()).toEqual([known, { ...kept, hypervisor: { kind: 'unknown', written: strange } }]);
    await later.update(kept.id, { ...settings('renamed'), hypervisor: { kind: 'unknown', written: strange } });
    await later.update(known.id, settings('other'));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      hosts: [{ name: 'other' }, { ...kept, name: 'renamed' }],
    });
    expect((await open()).list()).toHaveLength(2);
  });

  const endpoint = { address: 'a.example', port: 22, user: 'root', authentication: { method: 'agent' } };
  const newer = { ...endpoint, authentication: { method: 'fido3', resident: true } };
  it.each([
    ['a transport', { transport: 'quic', address: 'a.example', keys: [1, { deep: null }] }],
    ['a login', { transport: 'ssh', ...newer, jumps: [] }],
    ['a login on the way', { transport: 'ssh', ...endpoint, jumps: [endpoint, newer] }],
  ])(
    'keeps hosts that are reached by %s of a newer version, and writes them back as they were',
    async (_of, written) => {
      const book = await open();
      const known = await book.add(settings('known'));
      const kept = { ...settings('strange'), id: '00000000-0000-4000-8000-000000000001', connection: written };
      putFile(JSON.stringify({ schema: 'snaptree.hostBook', version: hostBookVersion, hosts: [known, kept] }));
      const later = await open();
      expect(notices).toEqual([]);
      const connection = { transport: 'unknown' as const, written };
      expect(later.list()).toEqual([known, { ...kept, connection }]);
      await later.update(kept.id, { ...settings('renamed'), connection });
      await later.update(known.id, settings('other'));
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
        hosts: [{ name: 'other' }, { ...kept, name: 'renamed' }],
      });
      expect((await open()).list()).toHaveLength(2);
    },
  );

  it('takes no way to a host that it would read as another, and says what is wrong with one that it knows', async () => {
    const connection = { transport: 'unknown', written: { transport: 'local' } } as const;
    expect(hostSettingsSchema.safeParse({ ...settings('one'), connection }).success).toBe(false);
    const host = { ...settings('one'), id: '00000000-0000-4000-8000-000000000001' };
    const hosts = [{ ...host, connection: { transport: 'ssh', ...endpoint, port: 'x', jumps: [] } }];
    putFile(JSON.stringify({ schema: 'snaptree.hostBook', version: hostBookVersion, hosts }));
    expect((await open()).list()).toEqual([]);
    expect(notices[0]?.message).toContain('hosts[0].connection.port');
  });

  it('takes no hypervisor that it would read as another, or not at all', async () => {
    const book = await open();
    const hypervisor = { kind: 'unknown', written: { kind: 'libvirt' } } as const;
    expect(hostSettingsSchema.safeParse({ ...settings('one'), hypervisor }).success).toBe(false);
    await expect(book.add({ ...settings('one'), hypervisor })).rejects.toThrow();
    await book.add(settings('two'));
    expect((await open()).list().map(({ name }) => name)).toEqual(['two']);
  });

  it('says what is wrong with a hypervisor that it knows', async () => {
    const host = { ...settings('one'), id: '00000000-0000-4000-8000-000000000001' };
    const hosts = [{ ...host, hypervisor: { kind: 'libvirt', uri: 'nonsense' } }];
    putFile(JSON.stringify({ schema: 'snaptree.hostBook', version: hostBookVersion, hosts }));
    expect((await open()).list()).toEqual([]);
    expect(notices[0]?.message).toContain('must be a libvirt URI');
    expect(notices[0]?.message).toContain('hosts[0].hypervisor.uri');
  });

  it('refuses a file of a newer version and leaves it alone', async () => {
    const text = '{"schema":"snaptree.hostBook","version":99,"racks":[]}';
    putFile(text);
    await expect(open()).rejects.toMatchObject({ code: 'storeUnusable', data: { version: '99' } });
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(asideFiles()).toEqual([]);
  });

  it('says that it cannot be read or written, and keeps in memory what is on disk', async () => {
    const book = await open();
    await book.add(settings('one'));
    // A folder in its place: root, whom file modes do not stop, cannot write that either.
    rmSync(path);
    mkdirSync(path);
    await expect(book.add(settings('two'))).rejects.toMatchObject({ code: 'storeUnusable' });
    expect(book.list().map(({ name }) => name)).toEqual(['one']);
    await expect(open()).rejects.toMatchObject({ code: 'storeUnusable' });
    rmSync(path, { recursive: true });
    await book.add(settings('three'));
    expect((await open()).list().map(({ name }) => name)).toEqual(['one', 'three']);
  });
});
