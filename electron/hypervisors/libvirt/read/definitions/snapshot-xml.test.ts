import { describe, expect, it } from 'vitest';
import { parseSnapshotXml } from './snapshot-xml.ts';

const disk = (target: string, file: string, format = 'qcow2'): string =>
  `<disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${file}'/><target dev='${target}' bus='virtio'/></disk>`;
const domain = `<domain type='qemu'><name>e1</name><devices>${disk('vda', '/i/e1.qcow2')}${disk('vdb', '/i/d.qcow2')}</devices></domain>`;
const record = (state: string, more: string): string =>
  `<domainsnapshot><name>s</name><state>${state}</state>${more}<creationTime>1795207171</creationTime></domainsnapshot>`;

describe('a record', () => {
  it('of a VM whose firmware variables are in qcow2 does not list all that is part of an internal snapshot', () => {
    const kept = (format: string) =>
      domain.replace("type='qemu'>", `type='qemu'><os><nvram format='${format}'>/n/e1.fd</nvram></os>`);
    const disks = "<memory snapshot='no'/><disks><disk name='vda' snapshot='internal'/></disks>";
    const partOf = (definition: string, more = disks) =>
      parseSnapshotXml(record('shutoff', more + definition)).record.unknownPart;
    expect(partOf(kept('qcow2'))).toContain('variables of its firmware');
    expect(partOf(kept('raw'))).toBeNull();
    expect(partOf(domain)).toBeNull();
    const external = "<disks><disk name='vda' snapshot='external'><source file='/i/o.qcow2'/></disk></disks>";
    expect(partOf(kept('qcow2'), external)).toBeNull();
  });

  it('of an external snapshot with memory (libvirt 9.0)', () => {
    const { record: found } = parseSnapshotXml(`<domainsnapshot>
  <name>memext3</name>
  <description>d &lt;&gt;&amp;&quot; é</description>
  <state>running</state>
  <parent>
    <name>ext2</name>
  </parent>
  <creationTime>1795207171</creationTime>
  <memory snapshot='external' file='/i/e1-memext3.save'/>
  <disks>
    <disk name='vda' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='/i/e1-memext3.qcow2'/>
    </disk>
    <disk name='vdb' snapshot='no'/>
  </disks>
  ${domain}
</domainsnapshot>`);
    expect(found).toMatchObject({
      name: 'memext3',
      description: 'd <>&" é',
      parentName: 'ext2',
      createdAt: 1795207171,
      vmState: 'running',
      kind: 'external',
      memory: { kind: 'external', file: '/i/e1-memext3.save' },
      disks: [
        { target: 'vda', kind: 'external', overlay: { source: { kind: 'image', reference: '/i/e1-memext3.qcow2' } } },
        { target: 'vdb', kind: 'none', overlay: null },
      ],
    });
    expect(found.domain?.disks[0]?.source).toEqual({ kind: 'image', reference: '/i/e1.qcow2' });
  });

  it.each([
    ['running', 'running'],
    ['paused', 'paused'],
    ['shutoff', 'shutoff'],
    ['pmsuspended', 'suspended'],
    ['crashed', 'crashed'],
    ['disk-snapshot', 'disk-only'],
    ['something new', 'unknown'],
  ])('of a VM that was %s', (state, vmState) => {
    expect(parseSnapshotXml(record(state, '')).record.vmState).toBe(vmState);
  });

  it.each([
    [`<memory snapshot='internal'/><disks><disk name='vda' snapshot='internal'/></disks>`, 'internal', 'internal'],
    [`<memory snapshot='no'/><disks><disk name='vda' snapshot='external'/></disks>`, 'external', 'none'],
    [`<memory snapshot='external' file='/m'/><disks><disk name='vda' snapshot='no'/></disks>`, 'external', 'external'],
    [
      `<memory snapshot='no'/><disks><disk name='vda' snapshot='external'/><disk name='vdb' snapshot='internal'/></disks>`,
      'mixed',
      'none',
    ],
    ['', 'internal', 'internal'],
  ])('with %s', (more, kind, memory) => {
    const { record: found } = parseSnapshotXml(record('running', more));
    expect([found.kind, found.memory.kind]).toEqual([kind, memory]);
  });

  it('without disks (before libvirt 0.9.5) holds every disk that can be written', () => {
    const { record: found } = parseSnapshotXml(record('shutoff', domain));
    expect(found.disks.map(({ target, kind }) => [target, kind])).toEqual([
      ['vda', 'internal'],
      ['vdb', 'internal'],
    ]);
    expect(found.memory.kind).toBe('none');
  });

  it('that names a disk by its path', () => {
    const { record: found } = parseSnapshotXml(
      record('shutoff', `<disks><disk name='/i/d.qcow2' snapshot='internal'/></disks>${domain}`),
    );
    expect(found.disks[0]?.target).toBe('vdb');
  });

  it.each(['<domain><name>x</name></domain>', '<domainsnapshot/>'])('that is none: %s', (xml) => {
    expect(() => parseSnapshotXml(xml)).toThrow('not a snapshot');
  });
});
