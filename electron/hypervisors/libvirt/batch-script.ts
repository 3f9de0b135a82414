/** The scripts that ask libvirt about everything at once, and what comes back, as text. */
import { quoteArgument } from '../../hosts/quoting.ts';
import { frameLine } from '../../hosts/frames.ts';
import { quoteForVirsh, virshOption } from './virsh-quoting.ts';

/** One argument must stay below 128 KiB (Linux, MAX_ARG_STRLEN), and virsh takes all its commands in one. */
const maximumCommandBytes = 90_000;

const virshFunction = (uri: string): string =>
  `virsh_run() { virsh -q -c ${quoteArgument(uri)} "$1" </dev/null 2>&1; }`;

/**
 * A script that prints, framed, `version` (of client, daemon and emulator; incomplete where the emulator is missing), or
 * `novirsh`, or `failed` (virsh's words) where there is no connection.
 */
export function versionScript(nonce: string, uri: string): string {
  const connect = `connected=$(virsh_run uri) || failed "$connected"`;
  return [...preface(nonce, uri), connect, `versions=$(virsh_run 'version --daemon')`, finish].join('\n');
}

const finish = `frame version
printf '%s\\n' "$versions"
frame end
`;

function preface(nonce: string, uri: string): readonly string[] {
  return [
    `N=${quoteArgument(nonce)}`,
    virshFunction(uri),
    `frame() { printf '\\n%s %s\\n' "$N" "$*"; }`,
    `failed() { frame failed; printf '%s\\n' "$1"; frame end; exit 0; }`,
    'command -v virsh >/dev/null 2>&1 || { frame novirsh; frame end; exit 0; }',
  ];
}

/**
 * A script that prints, framed, all of libvirt that Snaptree reads of a host in its first round trip. Frames:
 * `novirsh`; `failed` (virsh's words; nothing else then); `persistent` and `saved` (UUIDs); per VM `name`, `state`,
 * `listing` (of snapshot names), `current` (snapshot), `domain`, `inactive` (the definition for the next start, of VMs that
 * are not shut off), each with the UUID; `snapshot UUID LINE` (the record of the snapshot named by that line, from 1, of
 * the listing); `version`; `end`. What went wrong with one of them stands in its frame, as virsh said it.
 *
 * VMs go by UUID only: virsh takes a name such as `1` for the id of another VM. virsh goes on after a command that failed,
 * and what it prints to both outputs comes in order. Snapshot names are quoted on the host, for virsh and for the shell.
 * The definitions for the next start inside snapshots are half of the text and of no use here; they stay there.
 */
export function inventoryScript(nonce: string, uri: string): string {
  return [
    ...preface(nonce, uri),
    `uuids=$(virsh_run 'list --all --uuid') || failed "$uuids"`,
    `for_each() { awk -v N="$N" -v LIMIT=${maximumCommandBytes} "$awk_functions$1"; }`,
    awkFunctions,
    `lists=$(eval "$(printf '%s\\n' "$uuids" | for_each "$awk_lists")"; frame listed)`,
    `printf '%s' "$lists"`,
    `eval "$(printf '%s\\n' "$lists" | for_each "$awk_records")" | awk -v N="$N" "$awk_shorten"`,
    `versions=$(virsh_run 'version --daemon')`,
    finish,
  ].join('\n');
}

const awkFunctions = String.raw`
awk_functions='
BEGIN { SQ = sprintf("%c", 39) }
function q(text,  count, parts, i, quoted) {
  count = split(text, parts, SQ)
  quoted = parts[1]
  for (i = 2; i <= count; i++) quoted = quoted SQ "\\" SQ SQ parts[i]
  return SQ quoted SQ
}
function flush() { if (commands != "") print "virsh_run " q(commands); commands = "" }
function ask(words, command) {
  command = "echo " q("\n" N " " words "\n") "; " command "; "
  if (length(commands) + length(command) > LIMIT) flush()
  commands = commands command
}
END { flush() }
'
awk_lists='
BEGIN {
  ask("persistent", "list --all --persistent --uuid")
  ask("saved", "list --all --with-managed-save --uuid")
}
/^[0-9a-f-]+$/ && length($0) == 36 {
  ask("name " $0, "domname --domain " $0)
  ask("state " $0, "domstate --reason --domain " $0)
  ask("current " $0, "snapshot-current --name --domain " $0)
  ask("listing " $0, "snapshot-list --name --domain " $0)
}
'
awk_records='
index($0, N " ") == 1 { kind = $2; uuid = $3; line = 0; next }
kind == "state" && $0 != "" && !(uuid in asked) {
  asked[uuid] = 1
  ask("domain " uuid, "dumpxml --domain " uuid)
  if (index($0, "shut off") != 1) ask("inactive " uuid, "dumpxml --inactive --domain " uuid)
}
kind == "listing" {
  line++
  if ($0 == "" || (uuid, $0) in asked || length($0) > 4096) next
  asked[uuid, $0] = 1
  ask("snapshot " uuid " " line, "snapshot-dumpxml --domain " uuid " --snapshotname=" q($0))
}
'
awk_shorten='
index($0, N " ") == 1 { skip = 0; kind = $2 }
kind == "snapshot" && /^  <inactiveDomain[ >]/ { skip = 1 }
!skip { print }
/^  <\/inactiveDomain>/ { skip = 0 }
'
`;

/** Something to ask in a further round trip. */
export type Lookup =
  | { readonly kind: 'snapshot'; readonly uuid: string; readonly name: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly volume: string };

/** A script that prints a frame `lookup INDEX` for each of `lookups`: the snapshot's record, the volume's path, or virsh's error. */
export function lookupScript(nonce: string, uri: string, lookups: readonly Lookup[]): string {
  const commands = lookups.map((lookup, index) => {
    const frame = `echo ${quoteForVirsh(frameLine(nonce, 'lookup', String(index)))}; `;
    return lookup.kind === 'snapshot'
      ? `${frame}snapshot-dumpxml ${virshOption('domain', lookup.uuid)} ${virshOption('snapshotname', lookup.name)}; `
      : `${frame}vol-path ${virshOption('pool', lookup.pool)} ${virshOption('vol', lookup.volume)}; `;
  });
  return [
    virshFunction(uri),
    ...chunks(commands).map((chunk) => `virsh_run ${quoteArgument(chunk)}`),
    `printf '%s' ${quoteArgument(frameLine(nonce, 'end'))}`,
    '',
  ].join('\n');
}

function chunks(commands: readonly string[]): readonly string[] {
  const result: string[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const command of commands) {
    const bytes = Buffer.byteLength(command);
    if (size + bytes > maximumCommandBytes) {
      result.push('');
      size = 0;
    }
    result.push((result.pop() ?? '') + command);
    size += bytes;
  }
  return result;
}
