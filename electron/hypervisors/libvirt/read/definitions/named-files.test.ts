import { describe, expect, it } from 'vitest';
import { namedFiles, namedFilesOfRecord, type NamedFile } from './named-files.ts';
import { parseXml } from './xml.ts';

const told = ({ use, source, place, format }: NamedFile): string =>
  [use, place, source.kind === 'volume' ? `${source.pool}/${source.volume}` : source.reference, format ?? '-'].join(
    ' ',
  );
const inDomain = (devices: string, rest = ''): readonly string[] =>
  namedFiles(parseXml(`<domain><name>a</name>${rest}<devices>${devices}</devices></domain>`)).map(told);

describe('the files that a definition names', () => {
  it('are a disk, the layers below it, where its data lies and what a block job writes to', () => {
    expect(
      inDomain(`<disk type='file' device='disk'>
        <driver name='qemu' type='qcow2'/>
        <source file='/i/top.qcow2' index='2'><dataStore type='file'><format type='raw'/><source file='/i/data.raw'/></dataStore></source>
        <backingStore type='file' index='3'><format type='raw'/><source file='/i/base.raw'/><backingStore/></backingStore>
        <mirror type='file' job='copy' ready='yes'><format type='qcow2'/><source file='/copy/target.qcow2'/><backingStore type='file'><format type='qcow2'/><source file='/copy/base.qcow2'/></backingStore></mirror>
        <target dev='vda' bus='virtio'/></disk>`),
    ).toEqual([
      'disk vda /i/top.qcow2 qcow2',
      'dataFile vda /i/data.raw raw',
      'backing vda /i/base.raw raw',
      'mirror vda /copy/target.qcow2 qcow2',
      'backing vda /copy/base.qcow2 qcow2',
    ]);
  });

  it('are what a block job of an old libvirt writes to', () => {
    expect(
      inDomain(
        `<disk type='file'><source file='/i/a'/><mirror file='/i/b' format='raw' job='copy'/><target dev='vda'/></disk>`,
      ),
    ).toEqual(['disk vda /i/a -', 'mirror vda /i/b raw']);
  });

  it('are those of drives, devices, volumes and the network', () => {
    expect(
      inDomain(`
        <disk type='file' device='cdrom'><source file='/iso/a.iso'/><target dev='sda'/></disk>
        <disk type='block' device='disk'><source dev='/dev/vg/lv'/><target dev='vdb'/></disk>
        <disk type='volume' device='disk'><driver type='qcow2'/><source pool='p' volume='v'/><target dev='vdc'/></disk>
        <disk type='network' device='disk'><source protocol='nbd' name='x'><host transport='unix' socket='/run/nbd.sock'/></source><target dev='vdd'/></disk>
        <disk type='dir' device='floppy'><source dir='/shared'/><target dev='fda'/></disk>
        <disk type='file' device='cdrom'><target dev='sdb'/></disk>`),
    ).toEqual([
      'disk sda /iso/a.iso -',
      'disk vdb /dev/vg/lv -',
      'disk vdc p/v qcow2',
      'disk vdd nbd:/run/nbd.sockx -',
      'socket vdd /run/nbd.sock -',
      'disk fda dir:/shared -',
      'other fda /shared -',
    ]);
  });

  it('are those of firmware, kernel and everything else that libvirt knows', () => {
    const os = `<os><loader type='pflash'>/fw/code.fd</loader><nvram template='/fw/vars.fd'>/nvram/a.fd</nvram>
      <kernel>/boot/k</kernel><initrd>/boot/i</initrd><cmdline>init=/bin/sh root=/dev/vda</cmdline><dtb>/boot/d</dtb><acpi><table type='slic'>/fw/slic</table></acpi></os>
      <description>/not/a/path/of/use</description>`;
    expect(
      inDomain(
        `<emulator>/usr/bin/qemu</emulator>
        <filesystem type='mount'><source dir='/srv/x'/><target dir='/in/the/guest'/></filesystem>
        <serial type='file'><source path='/log/a'/><log file='/log/b' append='on'/></serial>
        <tpm model='tpm-tis'><backend type='emulator'><source type='dir' path='/tpm/a'/></backend></tpm>
        <memory model='nvdimm'><source><path>/mem/nvdimm</path></source></memory>
        <hostdev mode='subsystem' type='pci'><rom file='/fw/rom'/></hostdev>
        <pstore backend='acpi-erst'><path>/var/pstore</path></pstore>`,
        os,
      ),
    ).toEqual([
      'loader os/loader /fw/code.fd -',
      'nvramTemplate os/nvram /fw/vars.fd -',
      'nvram os/nvram /nvram/a.fd -',
      'kernel os/kernel /boot/k -',
      'initrd os/initrd /boot/i -',
      'deviceTree os/dtb /boot/d -',
      'acpiTable os/acpi/table /fw/slic -',
      'emulator devices/emulator /usr/bin/qemu -',
      'filesystem devices/filesystem/source /srv/x -',
      'characterDevice devices/serial/source /log/a -',
      'log devices/serial/log /log/b -',
      'tpm devices/tpm/backend/source /tpm/a -',
      'memory devices/memory/source/path /mem/nvdimm -',
      'rom devices/hostdev/rom /fw/rom -',
      'pstore devices/pstore/path /var/pstore -',
    ]);
  });

  it('are sockets that others offer, apart from those that are made', () => {
    expect(
      inDomain(`
        <disk type='vhostuser' device='disk'><source type='unix' path='/s/disk'/><target dev='vda'/></disk>
        <disk type='block' device='lun'><source dev='/dev/sdx'><reservations managed='no'><source type='unix' path='/s/helper' mode='client'/></reservations></source><target dev='sda'/></disk>
        <filesystem type='mount'><driver type='virtiofs'/><source socket='/s/folder'/><target dir='x'/></filesystem>
        <interface type='vhostuser'><source type='unix' path='/s/card' mode='client'/></interface>
        <interface type='vhostuser'><source type='unix' path='/made/card' mode='server'/></interface>
        <serial type='unix'><source mode='connect' path='/s/serial'/></serial>
        <channel type='unix'><source mode='bind' path='/made/channel'/></channel>
        <rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/s/egd'/></backend></rng>
        <smartcard mode='passthrough' type='unix'><source mode='connect' path='/s/card-reader'/></smartcard>
        <tpm model='tpm-crb'><backend type='external'><source type='unix' mode='connect' path='/s/tpm'/></backend></tpm>
        <graphics type='vnc' socket='/made/vnc'><listen type='socket' socket='/made/vnc'/></graphics>
        <shmem name='m'><server path='/s/memory'/></shmem>`).filter((line) => /^(socket|characterDevice) /.test(line)),
    ).toEqual([
      'socket vda /s/disk -',
      'socket sda /s/helper -',
      'socket devices/filesystem/source /s/folder -',
      'socket devices/interface/source /s/card -',
      'characterDevice devices/interface/source /made/card -',
      'socket devices/serial/source /s/serial -',
      'characterDevice devices/channel/source /made/channel -',
      'socket devices/rng/backend/source /s/egd -',
      'socket devices/smartcard/source /s/card-reader -',
      'socket devices/tpm/backend/source /s/tpm -',
      'characterDevice devices/graphics /made/vnc -',
      'characterDevice devices/graphics/listen /made/vnc -',
      'socket devices/shmem/server /s/memory -',
    ]);
  });

  it('are those in elements that nobody knows, and in the arguments of the emulator', () => {
    expect(
      inDomain(
        `<future><thing where='/new/thing'>/other/thing</thing><thing pool='p' volume='v'/></future>`,
        `<metadata><x:y xmlns:x='http://example.org/'>/meta/data</x:y></metadata>
         <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-drive'/><qemu:arg value='if=none,file=/i/by hand.qcow2,id=d'/><qemu:arg value='file=/i/a,,b.qcow2'/><qemu:arg value='unix:/run/qmp.sock,server'/><qemu:arg value='socket,id=c,path=/run/c.sock'/></qemu:commandline>`,
      ),
    ).toEqual([
      'other metadata/y /meta/data -',
      'argument commandline/arg /i/by -',
      'argument commandline/arg /i/by hand.qcow2 -',
      'argument commandline/arg /i/a,b.qcow2 -',
      'characterDevice commandline/arg /run/qmp.sock -',
      'characterDevice commandline/arg /run/c.sock -',
      'other devices/future/thing /new/thing -',
      'other devices/future/thing /other/thing -',
      'other devices/future/thing p/v -',
    ]);
  });
});

describe('what an argument of the emulator names', () => {
  const usesIn = (...values: readonly string[]) =>
    inDomain(
      '',
      `<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>${values.map((value) => `<qemu:arg value='${value}'/>`).join('')}</qemu:commandline>`,
    ).map((line) => line.replace(' commandline/arg', ''));

  it.each([
    [['-fw_cfg', 'name=opt/a,file=/secret/a,,b'], ['plainFile /secret/a,b -']],
    [['-D', '/log/qemu.log'], ['plainFile /log/qemu.log -']],
    [['--mem-path', '/dev/hugepages'], ['plainFile /dev/hugepages -']],
    [['-device', 'vfio-pci,host=01:00.0,romfile=/roms/a'], ['plainFile /roms/a -']],
    [['-object', 'memory-backend-file,id=m,mem-path=/mem/a,size=1G'], ['plainFile /mem/a -']],
    [['-object', 'secret,id=s,file=/etc/key'], ['plainFile /etc/key -']],
    [['-S', 'x', '-D', '/log/a'], ['plainFile /log/a -']],
  ])('%s is no disk', (values, uses) => {
    expect(usesIn(...values)).toEqual(uses);
  });

  it.each([
    // The value of -name, and then a disk.
    [['-name', '-D', '/images/a'], ['argument /images/a -']],
    [
      ['-drive', 'file=/images/a,romfile=/images/b'],
      ['argument /images/a -', 'argument /images/b -'],
    ],
    [['-device', 'x,file=/images/a,romfile=/images/a'], ['argument /images/a -']],
    [['-device', 'x,drive=/images/a'], ['argument /images/a -']],
    [['-object', 'other,mem-path=/images/a'], ['argument /images/a -']],
    [['-D'], []],
    [['/images/a'], ['argument /images/a -']],
    [['-pflash', '/images/a'], ['argument /images/a -']],
  ])('%s may be one', (values, uses) => {
    expect(usesIn(...values)).toEqual(uses);
  });
});

describe('the files that a record names besides', () => {
  it('are its overlays and its memory', () => {
    const record = parseXml(`<domainsnapshot><name>/not/a/path</name><parent><name>/nor/this</name></parent>
      <memory snapshot='external' file='/m/mem'/>
      <disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='/i/o.qcow2'/></disk><disk name='vdb' snapshot='no'/></disks>
      <revertDisks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='/i/r.qcow2'/></disk></revertDisks>
      <domain><devices><emulator>/usr/bin/q</emulator></devices></domain></domainsnapshot>`);
    expect(namedFilesOfRecord(record).map(told)).toEqual([
      'savedMemory memory /m/mem -',
      'overlay vda /i/o.qcow2 qcow2',
      'overlay vda /i/r.qcow2 qcow2',
    ]);
  });
});
