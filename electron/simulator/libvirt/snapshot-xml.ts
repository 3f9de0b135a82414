/** A snapshot's record as `virsh snapshot-dumpxml` prints it. */
import { definitionXml, escapeXml } from './definition.ts';
import type { Snapshot } from './model.ts';

export function snapshotXml(snapshot: Snapshot): string {
  const { name, description, state, parent, createdAt, memory, disks, definition, inactive } = snapshot;
  const live = state !== 'shutoff';
  const memoryXml =
    typeof memory === 'object'
      ? `  <memory snapshot='external' file='${escapeXml(memory.file)}'/>\n`
      : `  <memory snapshot='${memory}'/>\n`;
  return [
    '<domainsnapshot>\n',
    `  <name>${escapeXml(name)}</name>\n`,
    description === '' ? '' : `  <description>${escapeXml(description)}</description>\n`,
    `  <state>${state}</state>\n`,
    parent === null ? '' : `  <parent>\n    <name>${escapeXml(parent)}</name>\n  </parent>\n`,
    `  <creationTime>${createdAt}</creationTime>\n`,
    memoryXml,
    disks.length === 0 ? '' : `  <disks>\n${disks.map(diskXml).join('')}  </disks>\n`,
    definition ? definitionXml(definition, { element: 'domain', id: null, indent: 2, live }) : '',
    inactive ? definitionXml(inactive, { element: 'inactiveDomain', id: null, indent: 2, live: false }) : '',
    '</domainsnapshot>\n',
  ].join('');
}

function diskXml({ target, kind, overlay }: Snapshot['disks'][number]): string {
  if (kind !== 'external') return `    <disk name='${target}' snapshot='${kind}'/>\n`;
  return [
    `    <disk name='${target}' snapshot='external' type='file'>\n`,
    "      <driver type='qcow2'/>\n",
    `      <source file='${escapeXml(overlay ?? '')}'/>\n`,
    '    </disk>\n',
  ].join('');
}
