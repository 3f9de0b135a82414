/** The whole reading over a host that answers as told: what goes wrong with one thing costs that thing only. */
import { describe, expect, it } from 'vitest';
import { dependentsIndex, dependentsOf } from '../../../../shared/rules/chains/chains.ts';
import type { Inventory, ReadableVm } from '../../../../shared/model/inventory.ts';
import { inventorySchema } from '../../../../shared/model/inventory.ts';
import type { CommandRunner, Script } from '../../../hosts/commands/runner.ts';
import { frameLine } from '../../../hosts/commands/frames.ts';
import { probeLibvirt, readLibvirt } from './read.ts';

/** Matchers, typed as what they are to the compiler: anything. */
const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

const uuid = (n: number): string => `00000000-0000-0000-0000-00000000000${n}`;

interface FakeVm {
  readonly domain?: string;
  readonly inactive?: string;
  readonly state?: string;
  readonly name?: string;
  /** As listed. */
  readonly listing?: string;
  readonly current?: string;
  /** Records by name: of lines, and of names that the host looked up. */
  readonly records?: Readonly<Record<string, string>>;
}

interface FakeHost {
  /** A line in the list of VMs that is none. */
  stray?: string;
  readonly vms?: Readonly<Record<string, FakeVm>>;
  /** JSON of qemu-img by path, or why it cannot open it; a path that is not here is missing. */
  readonly images?: Readonly<Record<string, object | string>>;
  readonly volumes?: Readonly<Record<string, string>>;
  /** Instead of everything. */
  readonly instead?: (nonce: string) => string;
}

const notFound = (name: string): string =>
  `error: Domain snapshot not found: no domain snapshot with matching name '${name}'\n`;
const domainXml = (n: number, devices = ''): string =>
  `<domain type='kvm'>\n  <name>vm${n}</name>\n  <uuid>${uuid(n)}</uuid>\n<devices>${devices}</devices></domain>\n`;
const diskXml = (file: string, target = 'vda'): string =>
  `<disk type='file' device='disk'><driver type='qcow2'/><source file='${file}'/><target dev='${target}'/></disk>`;
const recordXml = (name: string, options: { parent?: string; disks?: string; domain?: string } = {}): string =>
  `<domainsnapshot>\n  <name>${name}</name>\n  <state>shutoff</state>${options.parent === undefined ? '' : `<parent><name>${options.parent}</name></parent>`}<creationTime>5</creationTime><memory snapshot='no'/><disks>${options.disks ?? ''}</disks>${options.domain ?? ''}</domainsnapshot>\n`;

function fakeRunner(host: FakeHost): CommandRunner & { readonly scripts: string[] } {
  const scripts: string[] = [];
  const answer = (script: string): string => {
    const nonce = /frame-[0-9a-f]{32}/.exec(script)?.[0] ?? '';
    const frame = (words: string, body = ''): string => frameLine(nonce, words) + body;
    if (host.instead) return host.instead(nonce);
    const end = frame('end');
    if (script.includes('qemu-img')) {
      const paths = [...script.matchAll(/^request '(.*)' (?:raw|'') '*(?:alone)?'*$/gm)].map((match) => match[1] ?? '');
      return (
        paths
          .map((path) => {
            const info = host.images?.[path];
            const found = info
              ? frame('kind file') +
                (typeof info === 'string'
                  ? frame('info', info) + frame('exit 1')
                  : frame('info', JSON.stringify(info)) + frame('exit 0'))
              : frame('kind absent');
            return frame('named', path) + frame('real', path) + found;
          })
          .join('') + end
      );
    }
    const vms = Object.entries(host.vms ?? {}).map(([id, vm]) => {
      const lines = (vm.listing ?? '').split('\n');
      const records = lines.flatMap((line, index) => {
        return line === '' ? [] : [frame(`snapshot ${id} ${index + 1}`, vm.records?.[line] ?? notFound(line))];
      });
      const lookups = Object.entries(vm.records ?? {}).flatMap(([name, record]) => {
        return lines.includes(name) ? [] : [frame(`ask ${id}`, name), frame(`lookup ${id}`, record)];
      });
      return [
        frame(`name ${id}`, `${vm.name ?? 'named'}\n`),
        frame(`state ${id}`, vm.state ?? 'shut off (unknown)\n'),
        frame(`current ${id}`, vm.current ?? `error: domain 'x' has no current snapshot\n`),
        frame(`listing ${id}`, vm.listing ?? ''),
        frame(`domain ${id}`, vm.domain ?? domainXml(1)),
        vm.inactive === undefined ? '' : frame(`inactive ${id}`, vm.inactive),
        ...records,
        ...lookups,
      ].join('');
    });
    return [
      frame('vms', [...Object.keys(host.vms ?? {}), host.stray ?? ''].join('\n')),
      frame('persistent', `${uuid(1)}\n`),
      frame('saved', `${uuid(2)}\n`),
      ...vms,
      frame(
        'version',
        'Using library: libvirt 9.0.0\nRunning hypervisor: QEMU 7.2.22\nRunning against daemon: 9.1.0\n',
      ),
      ...Object.entries(host.volumes ?? {}).flatMap(([volume, path]) => [frame('volume', volume), frame('path', path)]),
      end,
    ].join('');
  };
  return {
    hostName: 'kvm1',
    scripts,
    run: () => Promise.reject(new Error('only scripts')),
    follow: () => Promise.reject(new Error('only scripts')),
    runScript({ script }: Script) {
      scripts.push(script);
      return Promise.resolve({ exitCode: 0, signal: null, stdout: answer(script), stderr: '', failure: null });
    },
  };
}

async function read(host: FakeHost): Promise<Inventory> {
  return inventorySchema.parse(await readLibvirt(fakeRunner(host), 'qemu:///system', { priority: 'poll' }));
}

function vmOf(inventory: Inventory, id: string): ReadableVm {
  const vm = inventory.vms.find((each) => each.uuid === id);
  if (!vm?.readable) throw new Error(`${id} is not readable: ${vm?.reason}`);
  return vm;
}

const messages = (vm: ReadableVm): string => vm.problems.map(({ message }) => message).join('\n');

describe('a VM that is removed while it is read', () => {
  const gone: FakeVm = { domain: `error: failed to get domain '${uuid(2)}'\n` };
  const vms = { [uuid(1)]: { domain: domainXml(1) }, [uuid(2)]: gone };

  it('is left out where it is not listed again', async () => {
    const first = fakeRunner({ vms });
    const later = fakeRunner({ vms: { [uuid(1)]: { domain: domainXml(1) } } });
    const runner = { ...first, runScript: (script: Script) => (rounds++ === 0 ? first : later).runScript(script) };
    let rounds = 0;
    const inventory = await readLibvirt(runner, 'qemu:///system', { priority: 'poll' });
    expect(inventory.vms.map((vm) => vm.uuid)).toEqual([uuid(1)]);
    expect(inventory.unknownDependents).toEqual([]);
  });

  it('is shown as what it is where it came back, and as unreadable where it is listed all the same', async () => {
    const first = fakeRunner({ vms });
    const later = fakeRunner({ vms: { ...vms, [uuid(2)]: { domain: domainXml(2) } } });
    let rounds = 0;
    const runner = { ...first, runScript: (script: Script) => (rounds++ === 0 ? first : later).runScript(script) };
    const inventory = await readLibvirt(runner, 'qemu:///system', { priority: 'poll' });
    expect(vmOf(inventory, uuid(2)).name).toBe('vm2');
    expect((await read({ vms })).vms.map(({ readable }) => readable).sort()).toEqual([false, true]);
  });
});

describe('a definition that names other backing images than the images', () => {
  const layer = (file: string) =>
    `<backingStore type='file'><format type='qcow2'/><source file='${file}'/><backingStore/></backingStore>`;
  const overlay = {
    filename: '/i/top',
    format: 'qcow2',
    'virtual-size': 5,
    'backing-filename': '/i/base',
    'full-backing-filename': '/i/base',
    'backing-filename-format': 'qcow2',
  };
  const image = { filename: '/i/base', format: 'qcow2', 'virtual-size': 5 };
  const images = { '/i/top': overlay, '/i/base': image, '/i/other': image };
  const readWith = (file: string) =>
    read({
      images,
      vms: { [uuid(1)]: { domain: domainXml(1, diskXml('/i/top').replace('</disk>', `${layer(file)}</disk>`)) } },
    });

  it('makes the VM a user of these, and is a problem of it', async () => {
    const inventory = await readWith('/i/other');
    expect(inventory.unknownDependents).toEqual([]);
    expect(vmOf(inventory, uuid(1)).uses).toMatchObject([{ imageId: '/i/other', use: 'backing', place: 'vda' }]);
    expect(messages(vmOf(inventory, uuid(1)))).toContain('names /i/other as a backing image');
  });

  it('are users of another image where a running VM has it from its next start on', async () => {
    const vm = {
      state: 'running (booted)\n',
      domain: domainXml(1, diskXml('/i/other')),
      inactive: domainXml(1, diskXml('/i/top')),
    };
    const inventory = await read({ images, vms: { [uuid(1)]: vm } });
    expect(vmOf(inventory, uuid(1)).uses).toMatchObject([{ imageId: '/i/top', use: 'disk', by: 'nextStart' }]);
    expect(dependentsOf('/i/base', dependentsIndex(inventory)).vms).toMatchObject([{ name: 'vm1' }]);
  });

  it('is neither where both say the same', async () => {
    const inventory = await readWith('/i/base');
    expect(inventory.unknownDependents).toEqual([]);
    expect(messages(vmOf(inventory, uuid(1)))).toBe('');
  });
});

describe('one broken VM', () => {
  const fine: FakeVm = { domain: domainXml(1) };

  it.each([
    [
      'a DOCTYPE',
      `<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<domain><name>&x;</name></domain>`,
      'DOCTYPE',
    ],
    ['an entity', '<domain><name>&x;</name></domain>', 'entity'],
    ['XML cut off', '<domain><name>x', 'well-formed'],
    ['too much XML', `<domain><name>x</name>${' '.repeat(9 * 1024 ** 2)}</domain>`, 'larger than 8 MiB'],
    ['an error', 'error: internal error: cannot parse\n', 'cannot parse'],
    ['no answer', '', 'no answer'],
  ])('with %s is shown as unreadable with the reason, and the other is read', async (_what, domain, reason) => {
    const inventory = await read({ vms: { [uuid(1)]: fine, [uuid(2)]: { domain, name: 'broken' } } });
    expect(vmOf(inventory, uuid(1)).name).toBe('vm1');
    expect(inventory.vms.find((vm) => vm.uuid === uuid(2))).toEqual({
      readable: false,
      uuid: uuid(2),
      name: 'broken',
      reason: containing(reason),
    });
  });
});

describe('snapshots', () => {
  it('of which one record is broken: the VM and the others stay, and the broken one is named', async () => {
    const vm: FakeVm = {
      listing: 'good\nbad\n',
      records: {
        good: recordXml('good', { domain: `<domain type='kvm'><name>web</name></domain>` }),
        bad: '<!DOCTYPE x><domainsnapshot/>',
      },
    };
    const found = vmOf(await read({ vms: { [uuid(1)]: vm } }), uuid(1));
    expect(found.snapshots).toMatchObject([
      { id: 'good', kind: 'internal' },
      { id: 'bad', kind: 'unknown', memory: { kind: 'unknown' }, createdAt: null, unknownPart: containing('DOCTYPE') },
    ]);
    expect(found.snapshots[0]?.unknownPart).toBeUndefined();
    expect(found.problems).toEqual([{ severity: 'error', message: matching(/“bad” cannot be read.*DOCTYPE/) }]);
  });

  it('with line breaks in their names are known from what the host looked up', async () => {
    const records = { 'two\nlines': recordXml('two\nlines'), lines: recordXml('lines', { parent: 'two\nlines' }) };
    const vm: FakeVm = { listing: 'lines\ntwo\nlines\n', records, current: 'two\nlines' };
    const found = vmOf(await read({ vms: { [uuid(1)]: vm } }), uuid(1));
    expect(found.snapshots.map(({ id, parentId }) => [id, parentId])).toEqual([
      ['lines', 'two\nlines'],
      ['two\nlines', null],
    ]);
    expect(found.currentSnapshotId).toBe('two\nlines');
    expect(found.problems).toEqual([]);
  });

  it('whose list cannot be told apart: a problem, and what is known is shown', async () => {
    const found = vmOf(
      await read({ vms: { [uuid(1)]: { listing: 'a\nghost\n', records: { a: recordXml('a') } } } }),
      uuid(1),
    );
    expect(found.snapshots.map(({ id }) => id)).toEqual(['a']);
    expect(messages(found)).toContain('could not be told apart');
  });

  it('that the list leaves out are found where another names them, generation by generation', async () => {
    const records = {
      leaf: recordXml('leaf', { parent: 'hidden' }),
      hidden: recordXml('hidden', { parent: 'deeper' }),
      deeper: recordXml('deeper', { parent: 'gone' }),
    };
    const found = vmOf(await read({ vms: { [uuid(1)]: { listing: 'leaf\n', records } } }), uuid(1));
    expect(found.snapshots.map(({ id, parentId }) => [id, parentId])).toEqual([
      ['leaf', 'hidden'],
      ['hidden', 'deeper'],
      ['deeper', 'gone'],
    ]);
  });

  it('that could not be listed', async () => {
    const found = vmOf(await read({ vms: { [uuid(1)]: { listing: 'error: Timed out\n' } } }), uuid(1));
    expect(found.snapshots).toEqual([]);
    expect(found.problems).toEqual([{ severity: 'error', message: 'The snapshots could not be listed: Timed out.' }]);
  });

  it('in a cycle are passed on as they are', async () => {
    const records = { a: recordXml('a', { parent: 'b' }), b: recordXml('b', { parent: 'a' }) };
    const found = vmOf(await read({ vms: { [uuid(1)]: { listing: 'a\nb\n', records } } }), uuid(1));
    expect(found.snapshots.map(({ parentId }) => parentId)).toEqual(['b', 'a']);
  });
});

describe('images', () => {
  const internal = `<disk name='vda' snapshot='internal'/>`;
  const listing = 's\n';

  it('a record whose data is not in the image is called a record without data', async () => {
    const records = { s: recordXml('s', { disks: internal, domain: domainXml(1, diskXml('/i/a')) }) };
    const image = (snapshots: object[]) => ({ format: 'qcow2', 'virtual-size': 1, snapshots });
    const holding = image([{ id: '1', name: 's', 'date-sec': 5, 'vm-state-size': 0 }]);
    const vms = { [uuid(1)]: { domain: domainXml(1, diskXml('/i/a')), listing, records } };
    const without = vmOf(await read({ vms, images: { '/i/a': image([]) } }), uuid(1));
    expect(messages(without)).toMatch(/“s” says that its data of vda is in \/i\/a.*record without data/);
    expect(vmOf(await read({ vms, images: { '/i/a': holding } }), uuid(1)).problems).toEqual([]);
    expect(messages(vmOf(await read({ vms }), uuid(1)))).toContain('which is missing');
  });

  it('of an external snapshot: the data is in the image of then, the overlay in the record', async () => {
    const disks = `<disk name='vda' snapshot='external' type='file'><source file='/i/over'/></disk>`;
    const records = { s: recordXml('s', { disks, domain: domainXml(1, diskXml('/i/base')) }) };
    const images = {
      '/i/over': { format: 'qcow2', 'virtual-size': 1, 'full-backing-filename': '/i/base', 'backing-filename': 'base' },
      '/i/base': { format: 'qcow2', 'virtual-size': 1 },
    };
    const inventory = await read({
      vms: { [uuid(1)]: { domain: domainXml(1, diskXml('/i/over')), listing, records } },
      images,
    });
    expect(vmOf(inventory, uuid(1)).snapshots[0]?.disks).toEqual([
      { target: 'vda', kind: 'external', dataImageId: '/i/base', overlayImageId: '/i/over' },
    ]);
    expect(inventory.images.find(({ id }) => id === '/i/over')?.parent?.imageId).toBe('/i/base');
  });

  it('of a volume come from its path; a volume without one is a problem', async () => {
    const volume = (name: string, target: string) =>
      `<disk type='volume'><source pool='default' volume='${name}'/><target dev='${target}'/></disk>`;
    const vms = { [uuid(1)]: { domain: domainXml(1, volume('v', 'vda') + volume('w', 'vdb')) } };
    const images = { '/pool/v': { format: 'qcow2', 'virtual-size': 1 } };
    const found = vmOf(
      await read({ vms, images, volumes: { 'default/v': '/pool/v\n', 'default/w': 'error: failed to get pool\n' } }),
      uuid(1),
    );
    expect(found.disks.map(({ imageId, source }) => [imageId, source])).toEqual([
      ['/pool/v', 'default/v'],
      [null, 'default/w'],
    ]);
    expect(messages(found)).toMatch(/vdb is the volume “w”/);
  });

  it('that QEMU does not open are told with the reason, and apart where another file is not there', async () => {
    const said = (what: string) => `qemu-img: Could not open '/i/x': ${what}\n`;
    const inventory = await read({
      vms: { [uuid(1)]: { domain: domainXml(1, diskXml('/i/a') + diskXml('/i/b', 'vdb')) } },
      images: { '/i/a': said('Permission denied'), '/i/b': said("Could not open '/d': No such file or directory") },
    });
    expect(inventory.images).toMatchObject([
      { id: '/i/a', status: 'unreadable', problem: containing('Permission denied') },
      { id: '/i/b', status: 'unreadable', problem: containing("'/d'"), lacksFile: true },
    ]);
    expect(inventory.images[0]?.lacksFile).toBeUndefined();
  });

  it('that a running VM will use from its next start on are told', async () => {
    const vm: FakeVm = {
      state: 'running (booted)\n',
      domain: domainXml(1, diskXml('/i/now')),
      inactive: domainXml(1, diskXml('/i/next')),
    };
    const inventory = await read({ vms: { [uuid(1)]: vm } });
    expect(messages(vmOf(inventory, uuid(1)))).toContain(
      'From its next start on, vda will be /i/next, instead of /i/now.',
    );
    expect(inventory.images.map(({ id }) => id)).toEqual(['/i/next', '/i/now']);
  });
});

describe('folders that a VM names', () => {
  it('are told where images lie in them, however deep', async () => {
    const share = (folder: string) =>
      `<filesystem type='mount'><source dir='${folder}'/><target dir='/i'/></filesystem>`;
    const shares = ['/srv/share/', '/srv/other', '/'].map(share).join('');
    const vms = {
      [uuid(1)]: { domain: domainXml(1, diskXml('/srv/share/deep/a')) },
      [uuid(2)]: { domain: domainXml(2, shares) },
    };
    const inventory = await read({ vms, images: { '/srv/share/deep/a': { format: 'qcow2', 'virtual-size': 1 } } });
    expect(vmOf(inventory, uuid(1)).folders).toBeUndefined();
    expect(vmOf(inventory, uuid(2)).folders).toEqual([
      { path: '/srv/share', use: 'filesystem' },
      { path: '/', use: 'filesystem' },
    ]);
  });
});

describe('the host', () => {
  it('as it is', async () => {
    const vms = {
      [uuid(1)]: { state: 'paused (user)\n' },
      [uuid(2)]: { domain: domainXml(2), state: 'pmsuspended (unknown)\n' },
    };
    const inventory = await read({ vms });
    expect(inventory).toMatchObject({
      hypervisor: { kind: 'libvirt', version: '9.1.0', emulator: 'QEMU 7.2.22' },
      hostName: 'kvm1',
    });
    expect(vmOf(inventory, uuid(1))).toMatchObject({
      state: 'paused',
      stateReason: 'user',
      persistent: true,
      hasManagedSave: false,
    });
    expect(vmOf(inventory, uuid(2))).toMatchObject({
      state: 'suspended',
      stateReason: null,
      persistent: false,
      hasManagedSave: true,
    });
  });

  it('with a list of VMs that was damaged is never shown as one with fewer VMs', async () => {
    expect(await read({ vms: {} })).toMatchObject({ problems: [], unknownDependents: [] });
    const inventory = await read({ vms: {}, stray: '11111111-1111-4111-8\u0000' });
    const subject = { kind: 'host', part: 'vmList' };
    expect(inventory.problems).toEqual([{ severity: 'error', message: containing('VMs may be missing'), subject }]);
    expect(inventory.unknownDependents).toEqual([
      expect.objectContaining({ what: 'The list of VMs', imageIds: null, subject }),
    ]);
  });

  it('takes one round trip for libvirt, and none for images where there are none', async () => {
    const runner = fakeRunner({ vms: { [uuid(1)]: { listing: 'a\n', records: { a: recordXml('a') } } } });
    await readLibvirt(runner, 'u', { priority: 'poll' });
    expect(runner.scripts).toHaveLength(1);
  });

  it('without virsh', async () => {
    const runner = fakeRunner({ instead: (nonce) => frameLine(nonce, 'novirsh') + frameLine(nonce, 'end') });
    await expect(readLibvirt(runner, 'u', { priority: 'user' })).rejects.toMatchObject({ code: 'commandNotFound' });
    await expect(probeLibvirt(runner, 'u')).rejects.toMatchObject({ code: 'commandNotFound' });
  });

  it('whose answer is cut short', async () => {
    const runner = fakeRunner({ instead: (nonce) => frameLine(nonce, 'persistent') });
    await expect(readLibvirt(runner, 'u', { priority: 'user' })).rejects.toMatchObject({ code: 'unexpectedOutput' });
  });
});
