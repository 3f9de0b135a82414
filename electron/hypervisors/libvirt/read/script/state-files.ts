/** The files in which libvirt keeps what it knows: that one of them was written tells of a change, whatever it is. */
import { quoteArgument } from '../../../../hosts/commands/quoting.ts';

/** A folder for each VM that has snapshots, with a file for each of them. */
const snapshotFolder = '/var/lib/libvirt/qemu/snapshot';
/** A file for each VM that has saved memory. */
const saveFolder = '/var/lib/libvirt/qemu/save';

/** Where libvirt keeps what it knows, of connections where that is known: definitions, states, snapshots, saved memory, pools. */
function stateFiles(uri: string): readonly string[] {
  // libvirt's test driver: what is in the file, anew for each virsh.
  const test = /^test:\/\/(\/[^?#]+)$/.exec(uri)?.[1];
  if (test !== undefined) return test === '/default' ? [] : [test];
  if (uri !== 'qemu:///system') return [];
  return ['/etc/libvirt/qemu', '/run/libvirt/qemu', snapshotFolder, saveFolder];
}

/** As `stateFiles`, of what need not be there. */
const optionalStateFiles: readonly string[] = [
  '/etc/libvirt/storage',
  '/run/libvirt/storage',
  '/var/lib/libvirt/qemu/checkpoint',
  // Networks are below `/etc/libvirt/qemu`.
  '/run/libvirt/network',
  '/etc/libvirt/nwfilter',
  '/etc/libvirt/secrets',
];

/**
 * Sets `stamp`: a checksum over names, inodes and times of the files in which libvirt keeps what it knows; empty where
 * there are none, or this user cannot see them. libvirt writes each of them anew (another inode) when something changes.
 */
export function takeStamp(uri: string): readonly string[] {
  const files = stateFiles(uri);
  if (files.length === 0) return ['stamp='];
  const all = [...files, ...(uri.startsWith('qemu') ? optionalStateFiles : [])].map(quoteArgument).join(' ');
  return [
    `stamp=yes; for file in ${files.map(quoteArgument).join(' ')}; do [ -r "$file" ] || stamp=; [ ! -d "$file" ] || [ -x "$file" ] || stamp=; done`,
    // A folder may be a link, which ls would list in place of what is in it.
    // What ls could not list whole gets a checksum that is of no other time, rather than one that never changes.
    `[ -z "$stamp" ] || { set --; for file in ${all}; do if [ -d "$file" ]; then set -- "$@" "$file/."; elif [ -e "$file" ]; then set -- "$@" "$file"; fi; done; stamp=$({ ls -lniRc --full-time -- "$@" 2>/dev/null || printf '%s\\n' "$N"; } | cksum); }`,
  ];
}

/**
 * Defines `definition_in_files UUID NAME`: prints the frames `domain` and `inactive` (in the short form of `awkFunctions`) from the files
 * in which libvirt keeps the state and the definition of a VM that runs. What virsh leaves out unless it is asked for is left out here as well.
 */
export function definitionInFiles(): readonly string[] {
  const withoutPasswords = String.raw`s/ passwd='[^']*'//g`;
  return [
    'definition_in_files() {',
    '  status=/run/libvirt/qemu/$2.xml; next=/etc/libvirt/qemu/$2.xml; short=$(printf %s "$N" | cut -c 7-15)',
    '  grep -qF "<uuid>$1</uuid>" "$status" 2>/dev/null || return 0',
    String.raw`  running=$(sed -n ${quoteArgument(`${withoutPasswords};/^  <domain /,/^  <\\/domain>/s/^  //p`)} "$status")`,
    String.raw`  printf '\n~%sof %s\n\n~%sdomain\n%s\n\n~%sinactive\n' "$short" "$1" "$short" "$running" "$short"`,
    // A transient VM has none of its own.
    String.raw`  if [ -r "$next" ]; then sed -n ${quoteArgument(`${withoutPasswords};/^<domain /,$p`)} "$next"; else printf '%s\n' "$running"; fi`,
    String.raw`  printf '\n%s next\n' "$N"`,
    '}',
  ];
}

/**
 * From `ls -lniRc --full-time`: a checksum and the path of each folder below the first, over its files, and of each file right in
 * those of `save`. A checksum of numbers, since a process for each folder takes a hundred times as long (1.2 s for 200 folders
 * with 20 files each, against 10 ms). Numbers stay below 2⁵³, which awk counts exactly.
 */
const awkWritten = String.raw`
function tell() { if (of != "") printf "%.0f %s\n", sum, of; of = ""; sum = 0 }
function count(number) { sum = (sum * 1000003 + number % 2147483647) % 2147483647 }
index($0, "/") == 1 { tell(); is_file = $0 == SAVE "/.:"; folder = $0; of = folder ~ /\/\.:$/ ? "" : folder; next }
NF >= 10 && $2 ~ /^-/ && (of != "" || is_file) {
  if (is_file) { tell(); match($0, / [-+][0-9][0-9][0-9][0-9] /); of = folder substr($0, RSTART + RLENGTH) }
  day = $7; time = $8
  gsub(/-/, "", day)
  gsub(/[:.]/, "", time)
  count($1); count(day + 0); count(time + 0)
}
END { tell() }
`.trim();

/** Sets `written`: what `writtenFor` takes apart; empty where there is no stamp. To be taken before what it is about is read. */
export function tellWritten(uri: string): readonly string[] {
  if (uri !== 'qemu:///system') return ['written='];
  const folders = [snapshotFolder, saveFolder].map((folder) => quoteArgument(`${folder}/.`)).join(' ');
  return [
    `written=; [ -z "$stamp" ] || written=$(ls -lniRc --full-time -- ${folders} 2>/dev/null | awk -v SAVE=${saveFolder} ${quoteArgument(awkWritten)})`,
  ];
}

/**
 * What tells by `written` that the records of a VM's snapshots, or its saved memory, were written again: the same for the same
 * name as long as they were not. A name may have a line break, behind which it is not compared.
 */
export function writtenFor(written: string): (vmName: string) => string {
  const sums = new Map<string, string>();
  for (const line of written.split('\n')) {
    const space = line.indexOf(' ');
    const path = line.slice(space + 1);
    sums.set(path, `${sums.get(path) ?? ''} ${line.slice(0, space)}`);
  }
  return (vmName) => {
    const [first = ''] = vmName.split('\n');
    const ends = first === vmName ? [':', '.save'] : ['', ''];
    const paths = [`${snapshotFolder}/./${first}${ends[0]}`, `${saveFolder}/.:${first}${ends[1]}`];
    return paths.map((path) => sums.get(path) ?? '').join('/');
  };
}
