import { describe, expect, it } from 'vitest';
import { hostWithId } from '../../../shared/model/host.fixtures.ts';
import { disk, image, internal, inventory, overlay, vm } from '../../../shared/model/inventory.fixtures.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { HostReading } from './client.ts';
import {
  findCommitRange,
  findDiskToFlatten,
  findHost,
  findOperation,
  findPullRange,
  findSnapshot,
  findVm,
  splitVmWords,
  unreadOf,
} from './names.ts';

const uuid = (digit: string): string => `${digit.repeat(8)}-0000-4000-8000-000000000000`;
const hosts = [hostWithId(uuid('a'), { name: 'kvm1' }), hostWithId(uuid('b'), { name: 'rack/2' })];

function reading(name: string, ...vms: Inventory['vms']): HostReading {
  return { host: hostWithId(uuid('a'), { name }), inventory: inventory(vms, []) };
}

describe('a host', () => {
  it('is found by its name, whatever the case, and by its id', () => {
    expect(findHost('KVM1', hosts).name).toBe('kvm1');
    expect(findHost(uuid('b').toUpperCase(), hosts).name).toBe('rack/2');
  });
  it('that is not there is refused with those that are', () => {
    expect(() => findHost('kvm', hosts)).toThrow(
      expect.objectContaining({ code: 'hostNotFound', data: { candidates: 'kvm1\nrack/2' } }),
    );
    expect(() => findHost('kvm', [])).toThrow(/It is empty/);
  });
});

describe('what names a VM', () => {
  it.each([
    ['web', null, 'web'],
    ['kvm1/web', 'kvm1', 'web'],
    ['KVM1/a/b', 'kvm1', 'a/b'],
    ['rack/2/web', 'rack/2', 'web'],
    ['other/web', null, 'other/web'],
    ['/srv/images/web.qcow2', null, '/srv/images/web.qcow2'],
  ])('%s is on %s and called %s', (text, host, name) => {
    const words = splitVmWords(text, hosts);
    expect([words.host?.name ?? null, words.vm]).toEqual([host, name]);
  });
});

describe('a VM', () => {
  const web = vm({ name: 'web', uuid: uuid('1') });
  const other = vm({ name: 'other', uuid: uuid('2') });

  it('is found by its name and by its UUID', () => {
    expect(findVm('web', [reading('kvm1', web, other)]).vm).toBe(web);
    expect(findVm(uuid('2').toUpperCase(), [reading('kvm1', web, other)]).vm).toBe(other);
  });
  it.each([
    ['on two hosts', [reading('kvm1', web), reading('kvm2', { ...web, uuid: uuid('3') })], 'web', 2],
    ['on one host', [reading('kvm1', web, { ...other, name: 'web' })], 'web', 2],
    ['whose name is the UUID of another', [reading('kvm1', web, { ...other, name: uuid('1') })], uuid('1'), 2],
    ['with the same UUID on two hosts', [reading('kvm1', web), reading('kvm2', web)], uuid('1'), 2],
  ])('%s is ambiguous, and the candidates are named', (_title, readings, text, count) => {
    let error: unknown;
    try {
      findVm(text, readings);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'nameAmbiguous' });
    const { candidates } = (error as { data: { candidates: string } }).data;
    expect(candidates.split('\n')).toHaveLength(count);
  });
  it('that is not there is refused, with the one that only case tells apart', () => {
    expect(() => findVm('WEB', [reading('kvm1', web)])).toThrow(/no VM named “WEB” on kvm1. Did you mean web\?/);
    // A domain id is no name: a VM named 1 must not be mistaken for it.
    expect(() => findVm('1', [reading('kvm1', web)])).toThrow(expect.objectContaining({ code: 'vmNotFound' }));
  });
  it('that could not be read is refused with the reason', () => {
    const unreadable = { readable: false as const, uuid: uuid('4'), name: 'broken', reason: 'No XML.' };
    expect(() => findVm('broken', [reading('kvm1', unreadable)])).toThrow(
      expect.objectContaining({ code: 'vmUnreadable', message: expect.stringContaining('No XML.') as string }),
    );
    expect(unreadOf(reading('kvm1', unreadable))).toMatchObject([{ what: 'VM broken', reason: 'No XML.' }]);
  });
});

describe('a snapshot', () => {
  const web = vm({ snapshots: [internal('one', null), internal('two', 'one', { name: 'one' })] });
  it('is found by its id before any name', () => {
    expect(findSnapshot('one', web).id).toBe('one');
    expect(findSnapshot('two', web).id).toBe('two');
  });
  it('that is not there is refused with those that are', () => {
    expect(() => findSnapshot('three', web)).toThrow(expect.objectContaining({ code: 'snapshotNotFound' }));
  });
});

describe('an image of a chain', () => {
  const images = [
    image('/srv/golden.qcow2', { otherPaths: ['/images/template.qcow2'] }),
    overlay('/srv/a/web.qcow2', '/srv/golden.qcow2'),
    overlay('/srv/a/web.monday', '/srv/a/web.qcow2'),
    overlay('/srv/b/web.qcow2', '/srv/golden.qcow2'),
    image('/srv/seed.qcow2'),
    image('/srv/other.qcow2'),
  ];
  const web = vm({
    disks: [
      disk('vda', '/srv/a/web.monday'),
      disk('vdb', '/srv/b/web.qcow2'),
      disk('vdc', '/srv/seed.qcow2'),
      disk('sda', null, { device: 'cdrom' }),
    ],
  });
  const commit = (base: string, more: { top?: string; disk?: string } = {}) =>
    findCommitRange({ base, ...more }, web, images);

  it('is found by its path or its file name, and names the disk where one chain holds it', () => {
    const range = { target: 'vda', topId: '/srv/a/web.monday', baseId: '/srv/a/web.qcow2' };
    expect(commit('/srv/a/web.qcow2')).toEqual(range);
    expect(commit('web.qcow2', { disk: 'vda' })).toEqual(range);
    expect(commit('/images/template.qcow2', { top: '/srv/a/web.qcow2' })).toEqual({
      target: 'vda',
      topId: '/srv/a/web.qcow2',
      baseId: '/srv/golden.qcow2',
    });
    expect(commit('template.qcow2', { top: 'web.monday' }).baseId).toBe('/srv/golden.qcow2');
    expect(findPullRange({ base: '/srv/b/web.qcow2' }, web, images).target).toBe('vdb');
  });
  it('whose file name several images have is refused with their paths', () => {
    expect(() => commit('web.qcow2')).toThrow(
      expect.objectContaining({ code: 'nameAmbiguous', data: { candidates: '/srv/a/web.qcow2\n/srv/b/web.qcow2' } }),
    );
  });
  it('under several disks needs the disk', () => {
    expect(() => commit('golden.qcow2')).toThrow(
      expect.objectContaining({ code: 'nameAmbiguous', data: { candidates: 'vda\nvdb' } }),
    );
    expect(() => findPullRange({ base: 'golden.qcow2' }, web, images)).toThrow(/--disk/);
    expect(findPullRange({ base: 'golden.qcow2', disk: 'vdb' }, web, images).target).toBe('vdb');
  });
  it('that no chain holds is refused with those that are there', () => {
    expect(() => commit('other.qcow2', { disk: 'vdc' })).toThrow(
      expect.objectContaining({ code: 'fileNotFound', data: { candidates: '/srv/seed.qcow2' } }),
    );
    expect(() => commit('/srv/seed.qcow2', { top: 'web.monday' })).toThrow(/not in one chain of web/);
    expect(() => commit('web.qcow2', { disk: 'sda' })).toThrow(
      expect.objectContaining({ code: 'fileNotFound', data: { candidates: 'vda\nvdb\nvdc' } }),
    );
  });
  it('is not needed where a disk shall stand alone, and only one can', () => {
    expect(() => findDiskToFlatten(undefined, web, images)).toThrow(
      expect.objectContaining({ code: 'nameAmbiguous', data: { candidates: 'vda\nvdb' } }),
    );
    expect(findDiskToFlatten('vdb', web, images)).toBe('vdb');
    const single = vm({ disks: [disk('vdb', '/srv/b/web.qcow2'), disk('vdc', '/srv/seed.qcow2')] });
    expect(findDiskToFlatten(undefined, single, images)).toBe('vdb');
  });
});

describe('an operation', () => {
  const all = [{ id: uuid('a') }, { id: 'aaaabbbb-0000-4000-8000-000000000000' }];
  it('is found by its id or the beginning of it', () => {
    expect(findOperation(uuid('a'), all)).toBe(all[0]);
    expect(findOperation('AAAAB', all)).toBe(all[1]);
  });
  it('is not guessed', () => {
    expect(() => findOperation('aaaa', all)).toThrow(expect.objectContaining({ code: 'nameAmbiguous' }));
    expect(() => findOperation('aaa', all.slice(1))).toThrow(expect.objectContaining({ code: 'operationNotFound' }));
  });
});

describe('what could not be read', () => {
  it('is everything that an inventory says of it, and missing images are none of it', () => {
    const found = unreadOf({
      host: hostWithId('h'),
      inventory: {
        ...inventory(
          [],
          [image('/a', { status: 'unreadable', problem: 'denied' }), image('/b', { status: 'missing' })],
        ),
        unknownDependents: [{ what: '/c', reason: 'closed', imageIds: null }],
        problems: [{ severity: 'warning', message: 'No list.' }],
      },
    });
    expect(found.map(({ what }) => what)).toEqual(['image /a', '/c', 'the host']);
  });
});
