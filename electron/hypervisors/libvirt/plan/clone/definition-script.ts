/**
 * The script that makes the definition of a new VM out of that of another, on the host, where its secrets stay. What two VMs cannot both
 * have is made anew (as virt-clone(1) does it): name, UUID, MAC addresses, names of network devices, the generation id, fixed ports and
 * sockets of consoles. What is not known to be harmless in two VMs is refused: a clone that writes to a file of the old VM spoils it.
 */
import { libvirtAttribute } from '../merge/block-job-script.ts';
import { patientVirsh } from '../merge/patient-virsh.ts';
import { unwritten } from './image-scripts.ts';

export interface NewDefinition {
  readonly uri: string;
  /** The VM whose definition is taken: the one of its next start. */
  readonly vmUuid: string;
  readonly newVm: { readonly uuid: string; readonly name: string };
  /** The new file for the variables of the firmware; null where the definition names none. */
  readonly nvramFile: string | null;
  /** By target: the new images, in qcow2. */
  readonly images: ReadonlyMap<string, string>;
  /** The VM must be shut off when the new one is defined: its own active layers are among what that hangs on, or was copied from. */
  readonly fromPresent: boolean;
  /** What was copied, and must not have been written to since. */
  readonly sources: readonly string[];
}

/** Only looks whether that definition can be made. */
export function checkDefinitionWords(definition: NewDefinition): string[] {
  return words(definition, 'check');
}

/** Run again it defines the same VM again. */
export function defineArgv(definition: NewDefinition): string[] {
  return ['sh', '-c', definitionScript, 'snaptree-clone', ...words(definition, 'define')];
}

function words(
  { uri, vmUuid, newVm, nvramFile, images, fromPresent, sources }: NewDefinition,
  mode: 'check' | 'define',
): string[] {
  return [
    uri,
    vmUuid,
    mode,
    fromPresent ? 'shutOff' : 'anyState',
    // libvirt writes text as it writes attributes.
    libvirtAttribute(newVm.name),
    newVm.uuid,
    nvramFile === null ? '' : libvirtAttribute(nvramFile),
    String(images.size),
    ...[...images].flatMap(([target, path]) => [libvirtAttribute(target), libvirtAttribute(path)]),
    ...sources,
  ];
}

/**
 * libvirt writes one element a line, two spaces deeper than what it is in, and escapes all text, so that a line that begins with such
 * spaces and a tag is that tag; only what is in `<metadata>` is written by others.
 */
const awkOfClone = `
BEGIN {
  name = ARGV[5]; uuid = ARGV[6]; nvram = ARGV[7]; n = ARGV[8]
  for (i = 1; i <= n; i++) { target[i] = ARGV[7 + 2 * i]; path[i] = ARGV[8 + 2 * i] }
  ARGC = 1
}
function refuse(why) { print why > "/dev/stderr"; refused = 1; exit 1 }
function tag(line) { sub(/^ *<\\/?/, "", line); sub(/[^a-zA-Z0-9:_-].*/, "", line); return line }
function childTag(line,  own) { own = ""; if (line ~ /^      <[a-zA-Z]/) own = tag(line); return own }
function value(line, key,  at) {
  at = index(line, " " key "=\\047")
  if (!at) return ""
  line = substr(line, at + length(key) + 3)
  return substr(line, 1, index(line, "\\047") - 1)
}
function with(line, key, new,  at, rest) {
  at = index(line, " " key "=\\047")
  if (!at) return line
  rest = substr(line, at + length(key) + 3)
  if (new != "") new = " " key "=\\047" new "\\047"
  return substr(line, 1, at - 1) new substr(rest, index(rest, "\\047") + 1)
}
function isWhole(line) { return line ~ /\\/>$/ || line ~ /<\\/[^>]*>$/ }
function after(i,  end) {
  if (isWhole(text[i])) return i
  end = "^      </" tag(text[i]) ">"
  for (i++; i <= lines; i++) if (text[i] ~ end) return i
  return lines
}
function show(from, to,  i) { for (i = from; i <= to; i++) print text[i] }
function has(pattern,  i) { for (i = 1; i <= lines; i++) if (text[i] ~ pattern) return i; return 0 }
function isOneOf(word, list) { return index(" " list " ", " " word " ") > 0 }
function disk(  i, at, own, kind, driven, line, own_tag) {
  at = has("^      <target ")
  for (own = n; own > 0; own--) if (at && value(text[at], "dev") == target[own]) break
  kind = value(text[1], "device")
  if (!own) {
    if (kind != "cdrom" && has("^      <source") && !has("^      <readonly/>"))
      refuse("Its definition has another disk than was planned for (" value(text[at], "dev") "), and both VMs would write to that.")
    show(1, lines)
    return
  }
  found[own]++
  if (has("^      <(encryption|auth)") || has("^        <(encryption|auth)")) refuse("Its disk " target[own] " has a secret in its definition.")
  line = with(with(text[1], "rawio", ""), "sgio", "")
  if (kind == "lun") line = with(line, "device", "disk")
  if (value(line, "type") == "") sub(/^    <disk/, "    <disk type=\\047file\\047", line)
  print with(line, "type", "file")
  for (i = 2; i <= lines; i++) {
    line = text[i]
    own_tag = childTag(line)
    if (own_tag == "driver") {
      if (value(line, "type") == "") sub(/^      <driver/, "      <driver type=\\047qcow2\\047", line)
      print with(line, "type", "qcow2")
      driven = 1
    } else if (own_tag == "source") {
      if (!driven) print "      <driver name=\\047qemu\\047 type=\\047qcow2\\047/>"
      print "      <source file=\\047" path[own] "\\047/>"
      replaced[own]++
      i = after(i)
    } else if (own_tag == "backingStore" || own_tag == "mirror") i = after(i)
    else print line
  }
}
function network(  i, own_tag, line) {
  if (isOneOf(value(text[1], "type"), "vhostuser server udp")) refuse("It has a network device of the type “" value(text[1], "type") "”, whose socket only one VM can have.")
  for (i = 1; i <= lines; i++) {
    line = text[i]
    own_tag = childTag(line)
    if (own_tag == "mac" || own_tag == "target") { i = after(i); continue }
    if (own_tag == "backend") line = with(line, "logFile", "")
    if (line ~ /^        <parameters /) line = with(line, "interfaceid", "")
    print line
  }
}
function console(  i, own_tag, type, kind) {
  kind = tag(text[1]); type = value(text[1], "type")
  if (kind == "channel" && !isOneOf(type, "unix pty null spicevmc spiceport qemu-vdagent dbus"))
    refuse("It has a channel of the type “" type "”, which only one VM can have.")
  if (kind != "channel" && !isOneOf(type, "pty null vc stdio spicevmc spiceport")) text[1] = with(text[1], "type", "pty")
  for (i = 1; i <= lines; i++) {
    own_tag = childTag(text[i])
    # No place of the host, but a name within the VM, or what it may do.
    if (own_tag == "source" && isOneOf(type, "spiceport dbus qemu-vdagent")) print text[i]
    else if (isOneOf(own_tag, "source protocol log")) i = after(i)
    else print text[i]
  }
}
function screen(  i, line) {
  for (i = 1; i <= lines; i++) {
    line = text[i]
    if (i == 1 && value(line, "autoport") == "no") line = with(line, "autoport", "yes")
    if (i == 1) {
      if (value(line, "port") != "") line = with(line, "port", "-1")
      if (value(line, "tlsPort") != "") line = with(line, "tlsPort", "-1")
      if (value(line, "websocket") != "") line = with(line, "websocket", "-1")
    }
    if (i == 1 || line ~ /^      <listen /) line = with(line, "socket", "")
    print line
  }
}
function socket(  i, line) {
  for (i = 1; i <= lines; i++) {
    line = text[i]
    if (childTag(line) == "cid") {
      line = with(with(line, "auto", ""), "address", "")
      sub(/<cid/, "<cid auto=\\047yes\\047", line)
    }
    print line
  }
}
function device(  own, type) {
  own = tag(text[1]); type = value(text[1], "type")
  if (own == "tpm" && has("^        <source ")) refuse("It has a TPM whose state is at a place of its own, and both VMs would write to that.")
  if (own == "shmem") refuse("It has memory that it shares with others (<shmem>), and both VMs would write to that.")
  if (own == "audio" && type == "file") refuse("It writes what it plays to a file, and both VMs would write to that.")
  if (own == "hostdev" && type ~ /^scsi/) refuse("It has a SCSI disk of the host (<hostdev>), and both VMs would write to that.")
  if (own == "filesystem" && has("^      <source socket=")) refuse("It has a folder by way of a socket (<filesystem>), which serves only one VM.")
  if (isOneOf(own, "redirdev smartcard rng") && (type == "file" || has("^ *<source mode=\\047bind\\047"))) refuse("It has a device that listens on a socket, or writes to a file (<" own ">), which only one VM can have.")
  if (own == "disk") disk()
  else if (own == "interface") network()
  else if (isOneOf(own, "serial parallel console channel")) console()
  else if (own == "graphics") screen()
  else if (own == "vsock") socket()
  else if (own == "memory") { if (has("<path>")) refuse("It has memory that is kept in a file, and both VMs would write to that."); show(1, lines) }
  else if (isOneOf(own, "emulator controller lease filesystem input video sound audio watchdog memballoon rng hub redirdev redirfilter smartcard hostdev tpm panic iommu crypto nvram")) show(1, lines)
  else refuse("It has a device that Snaptree does not know how to give to a second VM (<" own ">).")
}
/^  <metadata>/ { others = 1 }
/^  <\\/metadata>/ { others = 0 }
others { print; next }
/^  <devices>/ { inDevices = 1; print; next }
/^  <\\/devices>/ {
  inDevices = 0
  for (i = 1; i <= n; i++) if (found[i] != 1 || replaced[i] != 1) refuse("Its definition has no disk " target[i] " of its own.")
  print
  next
}
inDevices {
  if (/^    <[a-zA-Z]/) lines = 0
  text[++lines] = $0
  if (lines == 1) ended = isWhole($0)
  else { end = "^    </" tag(text[1]) ">"; ended = $0 ~ end }
  if (ended) device()
  next
}
/^  <name>/ { print "  <name>" name "</name>"; next }
/^  <uuid>/ { print "  <uuid>" uuid "</uuid>"; next }
/^  <title>/ { next }
/^  <genid/ { print "  <genid/>"; next }
/^  <sysinfo[ >]/ { inTables = 1 }
/^  <\\/sysinfo>/ { inTables = 0 }
inTables && /^      <entry name=\\047uuid\\047>/ { next }
/^  <qemu:commandline>/ { refuse("It passes arguments of its own to QEMU (<qemu:commandline>), which may name what only one VM can have.") }
/^    <loader / && value($0, "type") == "pflash" && value($0, "readonly") != "yes" && value($0, "stateless") != "yes" {
  refuse("The file of its firmware can be written to (<loader> without readonly=\\047yes\\047), and both VMs would write to that.")
}
/^    <nvram[ >]/ {
  if (/<\\/nvram>$/) {
    if (nvram == "") refuse("Where the variables of its firmware are could not be found out.")
    print substr($0, 1, index($0, ">")) nvram "</nvram>"
    next
  }
  if (!/\\/>$/) inStore = 1
}
inStore && /^      <source / {
  if (nvram == "" || value($0, "file") == "") refuse("The variables of its firmware are not in a file that could be found.")
  $0 = with($0, "file", nvram)
}
/^    <\\/nvram>/ { inStore = 0 }
/^    <varstore / {
  if (nvram == "" && value($0, "path") != "") refuse("Where the variables of its firmware are could not be found out.")
  $0 = with($0, "path", nvram)
}
{ print }
END { if (!refused && (n < 1 || replaced[1] != 1)) exit 1 }`;

/** With `--security-info`: otherwise passwords of consoles would be gone. In a folder that only this user can read. */
export const definitionScript = `
uri=$1 vm=$2 mode=$3 state=$4 name=$5
folder=\${SNAPTREE_STEP:-}
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
${unwritten}
program='${awkOfClone.trim()}'
ask dumpxml --inactive --security-info "--domain=$vm" >"$work/before" || fail 'The definition of the VM could not be read.'
awk "$program" "$@" <"$work/before" >"$work/after" 2>"$work/why" || fail "No second VM can be made of the definition as it is. $(cat "$work/why") Change that (virsh edit), or make the VM by hand."
[ "$mode" = define ] || exit 0
if [ "$state" = shutOff ] && [ "$(ask domstate "--domain=$vm" | head -n 1)" != 'shut off' ]; then
  fail 'The VM was started meanwhile, so that its images are not what was to be cloned any more. No VM was defined.'
fi
disks=$8
shift 8
shift $((disks * 2))
unwritten "$@" || fail 'The images of the VM were written to while they were copied, so that the copies are of different times. No VM was defined. Make the plan again, and let nobody start the VM meanwhile.'
ask define "--file=$work/after" >/dev/null || fail 'The new VM could not be defined.'
`.trim();
