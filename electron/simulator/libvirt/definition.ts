/** A VM's definition, and libvirt's XML of it. */

export type DiskSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly volume: string }
  | { readonly kind: 'network'; readonly protocol: string; readonly name: string; readonly host: string };

export interface BackingLayer {
  readonly path: string;
  readonly format: string;
}

export interface DefinitionDisk {
  readonly target: string;
  readonly device: 'disk' | 'cdrom' | 'floppy';
  readonly bus: string;
  readonly format: string;
  /** Null for an empty drive. */
  readonly source: DiskSource | null;
  readonly readOnly: boolean;
  /** The chain below the source as libvirt wrote it down; null where it did not. */
  readonly backing: readonly BackingLayer[] | null;
}

export interface Definition {
  readonly name: string;
  readonly uuid: string;
  readonly title: string;
  readonly description: string;
  readonly memoryKiB: number;
  readonly cpus: number;
  /** The file of the firmware's variables; null for a BIOS. */
  readonly nvram: string | null;
  readonly disks: readonly DefinitionDisk[];
  /** Whether it has a channel for an agent in the guest. */
  readonly hasAgentChannel: boolean;
}

/** `text` in XML content or an attribute, as libvirt escapes it. */
export function escapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', "'": 'apos', '"': 'quot' };
  return text.replace(/[&<>'"]/g, (character) => `&${names[character] ?? ''};`);
}

/** The images of disks that are files and can be written, in libvirt's words "disks that take part". */
export function writableFileDisks(definition: Definition): readonly (DefinitionDisk & { readonly path: string })[] {
  return definition.disks.flatMap((disk) =>
    disk.source?.kind === 'file' && !disk.readOnly && disk.device !== 'cdrom'
      ? [{ ...disk, path: disk.source.path }]
      : [],
  );
}

/** The image that an active commit writes to, beside the active layer. */
export interface Mirror {
  readonly target: string;
  readonly path: string;
  readonly format: string;
  /** Whether it holds all that the active layer holds, and whether the VM is to go on there. */
  readonly ready: 'no' | 'yes' | 'pivot';
}

interface XmlOptions {
  /** The root element. */
  readonly element: 'domain' | 'inactiveDomain';
  /** The id of the running VM; null for the definition of a start to come. */
  readonly id: number | null;
  /** Spaces before every line. */
  readonly indent: number;
  /** `live`: chains are complete and closed, as of a running VM. */
  readonly live: boolean;
  readonly mirrors?: readonly Mirror[];
  /** Whether an agent in the guest has opened the channel for it; left out where no guest runs by it. */
  readonly isAgentConnected?: boolean;
}

/** The definition as `virsh dumpxml` prints it, with less of what nobody looks at. */
export function definitionXml(definition: Definition, options: XmlOptions): string {
  const { element, id, indent, live, mirrors = [] } = options;
  const { name, uuid, title, description, memoryKiB, cpus, nvram, disks } = definition;
  const lines = [
    `<${element} type='kvm'${id === null ? '' : ` id='${id}'`}>`,
    `  <name>${escapeXml(name)}</name>`,
    `  <uuid>${uuid}</uuid>`,
    ...(title === '' ? [] : [`  <title>${escapeXml(title)}</title>`]),
    ...(description === '' ? [] : [`  <description>${escapeXml(description)}</description>`]),
    `  <memory unit='KiB'>${memoryKiB}</memory>`,
    `  <vcpu placement='static'>${cpus}</vcpu>`,
    '  <os>',
    "    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>",
    ...(nvram === null
      ? []
      : [
          "    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>",
          `    <nvram>${escapeXml(nvram)}</nvram>`,
        ]),
    "    <boot dev='hd'/>",
    '  </os>',
    '  <features>',
    '    <acpi/>',
    '  </features>',
    "  <cpu mode='host-passthrough' check='none' migratable='on'/>",
    '  <devices>',
    '    <emulator>/usr/bin/qemu-system-x86_64</emulator>',
    ...disks.flatMap((disk, index) => diskXml(disk, index, live, mirrors)),
    ...(definition.hasAgentChannel ? channelXml(options) : []),
    "    <memballoon model='virtio'/>",
    '  </devices>',
    `</${element}>`,
  ];
  const margin = ' '.repeat(indent);
  return lines.map((line) => `${margin}${line}\n`).join('');
}

function channelXml({ isAgentConnected }: XmlOptions): readonly string[] {
  const state = isAgentConnected === undefined ? '' : ` state='${isAgentConnected ? 'connected' : 'disconnected'}'`;
  return [
    "    <channel type='unix'>",
    `      <target type='virtio' name='org.qemu.guest_agent.0'${state}/>`,
    '    </channel>',
  ];
}

function diskXml(disk: DefinitionDisk, index: number, live: boolean, mirrors: readonly Mirror[]): readonly string[] {
  const { target, device, bus, format, source, readOnly, backing } = disk;
  const type = source?.kind ?? 'file';
  const indexAttribute = live ? ` index='${index + 1}'` : '';
  return [
    `    <disk type='${type}' device='${device}'>`,
    `      <driver name='qemu' type='${format}'/>`,
    ...(source === null ? [] : sourceXml(source, indexAttribute)),
    ...(source?.kind === 'file' && (live || backing !== null) ? backingXml(backing ?? [], live, '      ') : []),
    ...mirrors.filter((mirror) => mirror.target === target).flatMap(mirrorXml),
    `      <target dev='${target}' bus='${bus}'/>`,
    ...(readOnly ? ['      <readonly/>'] : []),
    ...(live ? [`      <alias name='${bus}-disk${index}'/>`] : []),
    '    </disk>',
  ];
}

function mirrorXml({ path, format, ready }: Mirror): readonly string[] {
  return [
    `      <mirror type='file' job='active-commit'${ready === 'no' ? '' : ` ready='${ready}'`}>`,
    `        <format type='${format}'/>`,
    `        <source file='${escapeXml(path)}'/>`,
    '      </mirror>',
  ];
}

function sourceXml(source: DiskSource, indexAttribute: string): readonly string[] {
  switch (source.kind) {
    case 'file':
      return [`      <source file='${escapeXml(source.path)}'${indexAttribute}/>`];
    case 'volume':
      return [`      <source pool='${escapeXml(source.pool)}' volume='${escapeXml(source.volume)}'${indexAttribute}/>`];
    case 'network':
      return [
        `      <source protocol='${source.protocol}' name='${escapeXml(source.name)}'${indexAttribute}>`,
        `        <host name='${escapeXml(source.host)}'/>`,
        '      </source>',
      ];
  }
}

/** Of a running VM the chain is complete, which the empty element at its end says. */
function backingXml(layers: readonly BackingLayer[], live: boolean, margin: string): readonly string[] {
  const [first, ...rest] = layers;
  if (!first) return live ? [`${margin}<backingStore/>`] : [];
  return [
    `${margin}<backingStore type='file'>`,
    `${margin}  <format type='${first.format}'/>`,
    `${margin}  <source file='${escapeXml(first.path)}'/>`,
    ...backingXml(rest, live, `${margin}  `),
    `${margin}</backingStore>`,
  ];
}
