import { describe, expect, it } from 'vitest';
import { domainFromElement } from './domain-xml.ts';
import { parseXml } from './xml.ts';

const parseDomainXml = (xml: string) => domainFromElement(parseXml(xml));

const domain = (devices: string, more = ''): string =>
  `<domain type='kvm' id='3'><name>web &amp; &lt;db&gt;</name><uuid>e494b796-d046-49a7-8efc-a6bb703db134</uuid>${more}<devices>${devices}</devices></domain>`;

describe('disks', () => {
  it('reads a running VM with its chain (libvirt 9.0)', () => {
    const { disks } = parseDomainXml(
      domain(`
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/e1-memext3.livemem4' index='8'/>
      <backingStore type='file' index='6'>
        <format type='qcow2'/>
        <source file='/var/lib/libvirt/images/e1-memext3.qcow2'/>
        <backingStore type='block' index='4'>
          <format type='raw'/>
          <source dev='/dev/vg/base'/>
          <backingStore/>
        </backingStore>
      </backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>`),
    );
    expect(disks).toEqual([
      {
        isChainDefined: true,
        isChainEnded: true,
        target: 'vda',
        device: 'disk',
        source: { kind: 'image', reference: '/var/lib/libvirt/images/e1-memext3.livemem4' },
        format: 'qcow2',
        mirror: null,
        readOnly: false,
        shareable: false,
        transient: false,
        encryption: null,
        isMandatory: true,
        isMandatoryForMemory: true,
        backing: [
          { source: { kind: 'image', reference: '/var/lib/libvirt/images/e1-memext3.qcow2' }, format: 'qcow2' },
          { source: { kind: 'image', reference: '/dev/vg/base' }, format: 'raw' },
        ],
      },
    ]);
  });

  const source = (disk: string) => parseDomainXml(domain(disk)).disks[0]?.source;

  it.each([
    [
      `<disk type='block'><source dev='/dev/vg/lv'/><target dev='a'/></disk>`,
      { kind: 'image', reference: '/dev/vg/lv' },
    ],
    [
      `<disk type='volume'><source pool='p' volume='v'/><target dev='a'/></disk>`,
      { kind: 'volume', pool: 'p', volume: 'v' },
    ],
    [
      `<disk type='network'><source protocol='nbd' name='x'><host name='h' port='10809'/></source><target dev='a'/></disk>`,
      { kind: 'image', reference: 'nbd://h:10809/x' },
    ],
    [
      `<disk type='network'><source protocol='rbd' name='pool/image'/><target dev='a'/></disk>`,
      { kind: 'image', reference: 'rbd:pool/image' },
    ],
    [`<disk type='file' device='cdrom'><target dev='a'/></disk>`, { kind: 'empty' }],
    [
      `<disk type='file'><source file='/srv/a'><slices><slice type='storage' offset='512' size='1024'/></slices></source><target dev='a'/></disk>`,
      { kind: 'other', reference: 'slice:/srv/a' },
    ],
    [`<disk type='dir'><source dir='/srv'/><target dev='a'/></disk>`, { kind: 'other', reference: 'dir:/srv' }],
  ])('%s', (disk, expected) => {
    expect(source(disk)).toEqual(expected);
  });

  it('reads what a drive allows', () => {
    const { disks } = parseDomainXml(
      domain(
        `<disk device='cdrom'><target dev='sda'/></disk><disk><target dev='vdb'/><shareable/></disk><disk><target dev='vdc'/><readonly/></disk><disk/>`,
      ),
    );
    expect(disks.map(({ target, device, readOnly, shareable }) => [target, device, readOnly, shareable])).toEqual([
      ['sda', 'cdrom', true, false],
      ['vdb', 'disk', false, true],
      ['vdc', 'disk', true, false],
    ]);
  });
});

describe('the rest', () => {
  it('reads names, sizes and words', () => {
    const more = `<title>T</title><description>a &quot;b&quot;\nc</description><memory unit='KiB'>32768</memory><vcpu placement='static'>2</vcpu>`;
    expect(parseDomainXml(domain('', more))).toMatchObject({
      name: 'web & <db>',
      uuid: 'e494b796-d046-49a7-8efc-a6bb703db134',
      title: 'T',
      description: 'a "b"\nc',
      memoryBytes: 32 * 1024 ** 2,
      cpuCount: 2,
      hasNvram: false,
    });
  });

  it.each([
    ['', 1024],
    [`unit='b'`, 1],
    [`unit='GiB'`, 1024 ** 3],
    [`unit='G'`, 1024 ** 3],
    [`unit='GB'`, 1000 ** 3],
    [`unit='KB'`, 1000],
    [`unit='parsecs'`, null],
  ])('reads memory with %s', (unit, bytes) => {
    expect(parseDomainXml(domain('', `<memory ${unit}>1</memory>`)).memoryBytes).toBe(bytes);
  });

  it.each([`<os><nvram>/x</nvram></os>`, `<os firmware='efi'/>`, `<os><loader type='pflash'>/x</loader></os>`])(
    'sees firmware with variables in %s',
    (os) => {
      expect(parseDomainXml(domain('', os)).hasNvram).toBe(true);
    },
  );

  it.each(['<network/>', '<domain/>', '<domain><uuid>x</uuid></domain>'])('refuses %s', (xml) => {
    expect(() => parseDomainXml(xml)).toThrow('not a VM');
  });
});
