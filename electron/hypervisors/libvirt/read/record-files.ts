/** Reads records of snapshots out of files on a host: copies that Snaptree kept, or what somebody saved with `virsh snapshot-dumpxml`. */
import { SnaptreeError } from '../../../../shared/errors.ts';
import type { Snapshot } from '../../../../shared/model/inventory.ts';
import type { RecordFile, RecordFiles } from '../../../../shared/model/record-files.ts';
import { newNonce, parseFrames } from '../../../hosts/commands/frames.ts';
import { quoteArgument } from '../../../hosts/commands/quoting.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import type { DiskSource } from './definitions/domain-xml.ts';
import { parseSnapshotXml, type SnapshotRecord } from './definitions/snapshot-xml.ts';
import { XmlError } from './definitions/xml.ts';

/** More are not read: libvirt itself becomes slow with that many snapshots of one VM. */
const mostFiles = 500;
const mostBytes = 1_000_000;

/** Without a folder: the last one in which copies were kept for the VM. */
const scriptFor = (nonce: string, vmUuid: string, folder: string | null): string => `
N=${quoteArgument(nonce)} vm=${quoteArgument(vmUuid)} folder=${quoteArgument(folder ?? '')}
frame() { printf '\\n%s %s\\n' "$N" "$1"; }
if [ -z "$folder" ]; then
  base=\${XDG_STATE_HOME:-}
  case $base in /*) ;; *) base= ;; esac
  if [ -z "$base" ]; then base=\${HOME:-}/.local/state; fi
  for each in "$base/snaptree/kept-records/$vm"/*/; do [ -d "$each" ] && folder=\${each%/}; done
fi
frame folder
printf '%s' "$folder"
if [ -n "$folder" ] && [ -d "$folder" ] && [ -r "$folder" ]; then frame there; fi
count=0
for file in "$folder"/*.xml; do
  [ -f "$file" ] || continue
  count=$((count + 1))
  [ "$count" -le ${mostFiles} ] || { frame more; break; }
  frame path
  printf '%s' "$file"
  if [ "$(wc -c <"$file")" -gt ${mostBytes} ]; then frame large; continue; fi
  frame checksum
  cksum <"$file"
  frame content
  cat -- "$file"
done
if [ -f "$folder/.current" ]; then frame current; cat -- "$folder/.current"; fi
frame end
`;

/**
 * @param folder absolute; null: where Snaptree kept copies the last time
 * @throws what the runner throws, and `commandFailed` where there is no such folder
 */
export async function readRecordFiles(
  runner: CommandRunner,
  vmUuid: string,
  folder: string | null,
  signal?: AbortSignal,
): Promise<RecordFiles> {
  const nonce = newNonce();
  const title = `read records of snapshots from files on ${runner.hostName}`;
  const { stdout } = await runner.runScript({
    script: scriptFor(nonce, vmUuid, folder),
    title,
    ...(signal && { signal }),
  });
  return recordFilesFrom(
    parseFrames(stdout, nonce, title).map(({ kind, body }) => ({ kind, body })),
    vmUuid,
    runner.hostName,
  );
}

/** From the frames of the script. */
function recordFilesFrom(
  frames: readonly { readonly kind: string; readonly body: string }[],
  vmUuid: string,
  hostName: string,
): RecordFiles {
  const bodyOf = (kind: string) => frames.find((frame) => frame.kind === kind)?.body ?? '';
  const folder = bodyOf('folder');
  if (!frames.some(({ kind }) => kind === 'there')) {
    throw new SnaptreeError(
      'commandFailed',
      folder === ''
        ? `Snaptree has kept no records of this VM on ${hostName}. Name the folder that holds them. Nothing was changed.`
        : `There is no folder ${folder} on ${hostName} that could be read. Nothing was changed.`,
    );
  }
  const records: RecordFile[] = [];
  const unusable: { path: string; reason: string }[] = [];
  let active: string | null = null;
  let path = '';
  let checksum = '';
  for (const { kind, body } of frames) {
    if (kind === 'path') path = body;
    if (kind === 'checksum') checksum = body.trim();
    if (kind === 'large') unusable.push({ path, reason: 'It is too large for a record of a snapshot.' });
    if (kind === 'more')
      unusable.push({ path: folder, reason: `It holds more than ${mostFiles} files; the others were not read.` });
    if (kind !== 'content') continue;
    const found = recordIn(body, vmUuid);
    if ('reason' in found) unusable.push({ path, reason: found.reason });
    else records.push({ path, checksum, snapshot: found.snapshot });
    // So libvirt marks the current one in its own files.
    if ('snapshot' in found && /^ {2}<active>1<\/active>/m.test(body)) active = found.snapshot.name;
  }
  // virsh ends the name with line ends of its own.
  const current = active ?? bodyOf('current');
  const currentId = records.find(({ snapshot }) => snapshot.id.trimEnd() === current.trimEnd())?.snapshot.id ?? null;
  return { folder, records, unusable, currentId };
}

function recordIn(xml: string, vmUuid: string): { readonly snapshot: Snapshot } | { readonly reason: string } {
  try {
    const { record } = parseSnapshotXml(xml);
    const { domain, unknownPart } = record;
    if (domain === null)
      return { reason: 'It does not hold the definition of the VM, without which libvirt takes no record.' };
    if (domain.uuid !== vmUuid) return { reason: `It is of another VM (${domain.uuid ?? 'without UUID'}).` };
    return { snapshot: { ...snapshotFrom(record), ...(unknownPart !== null && { unknownPart }) } };
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { reason: `It cannot be read as a record of a snapshot: ${error.message}.` };
  }
}

function snapshotFrom(record: SnapshotRecord): Snapshot {
  const { name, parentName, kind, vmState, createdAt, description, memory, disks, domain } = record;
  return {
    id: name,
    name,
    parentId: parentName,
    kind,
    vmState,
    createdAt,
    description,
    memory,
    disks: disks.map((disk) => ({
      target: disk.target,
      kind: disk.kind,
      dataImageId:
        disk.kind === 'none' ? null : pathOf(domain?.disks.find(({ target }) => target === disk.target)?.source),
      overlayImageId: pathOf(disk.overlay?.source),
    })),
  };
}

function pathOf(source: DiskSource | undefined): string | null {
  return source?.kind === 'image' ? source.reference : null;
}
