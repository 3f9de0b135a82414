/** A look at what the definition in a snapshot's record needs, before the VM that runs is ended for it. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { Expectation, PlanStep } from '../../../../../shared/model/plan.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { startableDefinition, startRefusals } from './startable-definition.ts';

/**
 * From a record: what its `<domain>` needs, a kind and a value on each line. `<inactiveDomain>` is not started (7.0, 9.0 and 11.3).
 * libvirt writes an element a line, its values between single quotes, and escapes what is in them.
 */
const needs = String.raw`
function value(name,  at, rest) {
  at = index($0, " " name "=" SQ)
  if (!at) return ""
  rest = substr($0, at + length(name) + 3)
  return substr(rest, 1, index(rest, SQ) - 1)
}
function text() { return substr($0, index($0, ">") + 1, index($0, "</") - index($0, ">") - 1) }
# A slash at the end, for names that end with a space.
function need(kind, what) { if (what != "") print kind " " what "/" }
function path(what) {
  if (substr(what, 1, 1) == "/" && what !~ /^\/dev\/pts\//) need("path", what)
}
function ours(at) { return at ~ /^\/(var\/)?(run|lib|cache|log)\/libvirt(\/|$)/ }
# What a path names is made in a folder that must be there.
function made(at) {
  if (at ~ /^\/dev\//) path(at)
  else if (substr(at, 1, 1) == "/" && sub(/\/[^\/]*$/, "", at) && !ours(at)) path(at)
}
function offered(at) { if (substr(at, 1, 1) == "/" && !ours(at)) need("socket", at) }
function port(address, number) { if (address ~ /^[0-9.]+$/ && number ~ /^[0-9]+$/) need("port", address " " number) }
function hex(name,  digits, i, number) {
  digits = tolower(value(name)); sub(/^0x/, "", digits)
  for (i = 1; i <= length(digits); i++) number = number * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
  return number + 0
}
BEGIN { SQ = sprintf("%c", 39) }
/^  <domain[ >]/ { inside = 1; next }
/^  <\/domain>/ { if (!is_special) need("memory", memory); exit }
!inside { next }
/^    <os[ >]/ { os = 1 }
/^    <\/os>/ { os = 0 }
/^    <memory unit=.KiB.>/ { memory = text() }
/^    <memoryBacking/ || /^        <cell / || /^      <memory / { is_special = 1 }
/^    <vcpu / || /^      <(vcpu|emulator|iothread)pin / { need("cpus", value("cpuset")) }
/^    <seclabel / && value("type") != "none" { need("model", value("model")) }
os && /<(kernel|initrd|loader|dtb|shim|table)[ >]/ { path(text()) }
/^      <emulator>/ { path(text()) }
/^      <[a-z]+/ && !/^      <\// {
  device = $1; sub(/^</, "", device); sub(/>$/, "", device)
  type = value("type"); optional = 0; vendor = ""; format = ""
}
/^      <\// { device = "" }
device == "" { next }
$0 ~ "startupPolicy=." LEFTOUT { optional = 1; next }
optional { next }
/<filterref / { need("filter", value("filter")) }
/<secret / { need("secret", value("uuid")) }
/<backend / && device == "tpm" && value("type") == "emulator" { need("program", "swtpm") }
/<encryption / && device == "tpm" { need("secret", value("secret")) }
/<rom / { path(value("file")) }
/<device / && device == "tpm" { path(value("path")) }
/<driver / && device == "disk" { format = value("type") }
/<source[ >]/ && device == "disk" {
  at = value("file") value("dev")
  if (format == "qcow2" && substr(at, 1, 1) == "/") need("image", at)
  else path(at)
  if (value("pool") != "") need("volume", value("pool") "/" value("volume"))
}
/<source[ >]/ && device == "filesystem" { path(value("dir")) }
/<source[ >]/ && device == "interface" {
  if (type == "network") need("network", value("network"))
  if (type == "bridge" || type == "direct") need("link", value(type == "bridge" ? "bridge" : "dev"))
}
/<source[ >]/ && device ~ /^(serial|parallel|console|channel|smartcard|redirdev|rng|input)$/ {
  path(value("dev"))
  if (value("mode") !~ /^(connect|client)$/) made(value("path"))
}
/<source[ >]/ && (value("mode") ~ /^(connect|client)$/ || (device == "disk" && value("type") == "unix")) { offered(value("path")) }
/<source[ >]/ && device == "interface" && value("mode") == "server" { made(value("path")) }
/<source[ >]/ && device == "filesystem" { offered(value("socket")) }
/<host / && device == "disk" { offered(value("socket")) }
/<server / && device == "shmem" { offered(value("path")) }
/<(graphics|listen) / && device == "graphics" { made(value("socket")) }
/<graphics / && value("autoport") != "yes" { port(value("listen"), value("port")); port(value("listen"), value("tlsPort")) }
/<source / && type == "tcp" && value("mode") == "bind" { port(value("host"), value("service")) }
/<log / { made(value("file")) }
device == "hostdev" && /<vendor / { vendor = value("id"); sub(/^0x/, "", vendor) }
device == "hostdev" && /<product / { product = value("id"); sub(/^0x/, "", product); need("usb", vendor ":" product) }
device == "hostdev" && type == "usb" && vendor == "" && /^          <address / {
  path(sprintf("/dev/bus/usb/%03d/%03d", value("bus"), value("device")))
}
(device == "hostdev" || device == "interface") && type ~ /^(pci|hostdev)$/ && /^          <address / {
  need("path", sprintf("/sys/bus/pci/devices/%04x:%02x:%02x.%x", hex("domain"), hex("bus"), hex("slot"), hex("function")))
}
device == "hostdev" && type == "mdev" && /<address / && value("uuid") != "" { path("/sys/bus/mdev/devices/" value("uuid")) }
`.trim();

/**
 * libvirt ends the VM before it looks for any of this, and what is gone by then leaves it shut off, without its memory (seen on
 * 9.0 and 11.3). Planning looked for files and devices when the host was read; networks, links, filters, secrets, pools,
 * USB devices and the emulator of a TPM are looked for here alone. What lies behind a folder that this user cannot enter is not
 * called gone: libvirt may see it all the same. What the host itself must have is asked of libvirt (startable-definition.ts) and of the kernel, and called
 * missing only where a start fails for certain.
 */
const script = `
export LC_ALL=C
uri=$1 vm=$2 snapshot=$3 needs=$4 leftout=$5 definition=$6 refusals=$7
refuse() {
  printf '%s\\n' "Nothing was changed: $1, which the snapshot needs, is not there$2. $3, then try again." >&2
  exit 1
}
seen() {
  [ ! -e "$1" ] || return 0
  parent=$1
  while [ "$parent" ]; do
    parent=\${parent%/*}
    [ -d "$parent/" ] || continue
    [ -x "$parent/" ] && return 1
    return 0
  done
  return 1
}
usb() {
  for each in /sys/bus/usb/devices/*/idVendor; do
    [ "$(cat "$each" 2>/dev/null):$(cat "\${each%idVendor}idProduct" 2>/dev/null)" != "$1" ] || return 0
  done
  return 1
}
below() { qemu-img info -U -f qcow2 --backing-chain -- "$1" 2>&1 | sed -n "s/.*Could not open '\\(.*\\)': No such file or directory.*/\\1/p"; }
online() {
  [ ! -r /sys/devices/system/cpu/online ] || awk -v WANTED="$1" 'function read(list, into,  parts, count, i, ends, each) {
    count = split(list, parts, ",")
    for (i = 1; i <= count; i++) { if (split(parts[i], ends, "-") == 1) ends[2] = ends[1]; for (each = ends[1] + 0; each <= ends[2] + 0; each++) into[each] = 1 }
  }
  { read($0, there) }
  END { read(WANTED, wanted); for (each in wanted) if (each in there) exit 0; exit 1 }' /sys/devices/system/cpu/online
}
fits() {
  [ "$(cat /proc/sys/vm/overcommit_memory 2>/dev/null)" = 0 ] || return 0
  awk -v WANTED="$1" '/^(MemTotal|SwapTotal):/ { all += $2 } END { exit all > 0 && WANTED + 0 > all }' /proc/meminfo
}
taken() {
  ! printf '%s\\n' "$own" | grep -q "\\(port\\|tlsPort\\|service\\)='$2'" &&
    awk -v ADDRESS="$1" -v PORT="$2" 'BEGIN { split(ADDRESS, part, "."); port = sprintf(":%04X", PORT); mine = sprintf("%02X%02X%02X%02X", part[4], part[3], part[2], part[1]) }
    $4 == "0A" && substr($2, 9) == port { at = substr($2, 1, 8); if (at == mine || at == "00000000" || mine == "00000000") found = 1 }
    END { exit !found }' /proc/net/tcp 2>/dev/null
}
ask() { virsh -c "$uri" "$@" >/dev/null 2>&1; }
cannot() {
  printf '%s\\n' "Nothing was changed: the snapshot could not be started here: $1. $2, then try again." >&2
  exit 1
}
record=$(virsh -c "$uri" snapshot-dumpxml --domain="$vm" --snapshotname="$snapshot") || exit 1
own=$(virsh -c "$uri" dumpxml --domain="$vm" 2>/dev/null)
said=$(printf '%s\\n' "$record" | awk "$definition" | virsh -c "$uri" domxml-to-native qemu-argv --xml /dev/stdin 2>&1 >/dev/null)
! printf '%s\\n' "$said" | grep -Eq "$refusals" || cannot "$(printf '%s\\n' "$said" | sed -n 's/^error: *//p' | tr '\\n' ' ' | sed 's/[ .]*$//')" 'Give the host what it lacks'
printf '%s\\n' "$record" | awk -v LEFTOUT="$leftout" "$needs" | sed "s/&apos;/'/g; s/&quot;/\\"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\\&/g" | sort -u | {
  while IFS=' ' read -r kind what; do
    what=\${what%/}
    case $kind in
      path) seen "$what" || refuse "$what" '' 'Put it back' ;;
      socket) seen "$what" || refuse "the socket $what" '' 'Start the program that offers it' ;;
      image)
        seen "$what" || refuse "$what" '' 'Put it back'
        gone=$(below "$what")
        [ -z "$gone" ] || refuse "$gone, below $what" '' 'Put it back' ;;
      network)
        virsh -c "$uri" net-info --network="$what" 2>&1 | grep -q '^Active: *yes' ||
          refuse "the network “$what”" ' or not active' 'Define and start it (virsh net-define, net-start)' ;;
      link) [ -e "/sys/class/net/$what" ] || refuse "the network device “$what”" '' 'Set it up' ;;
      filter) ask nwfilter-dumpxml --nwfilter="$what" || refuse "the filter “$what”" '' 'Define it (virsh nwfilter-define)' ;;
      secret) ask secret-dumpxml --secret="$what" || refuse "the secret “$what”" '' 'Define it and set its value (virsh secret-define, secret-set-value)' ;;
      volume)
        ask vol-path --pool="\${what%%/*}" --vol="\${what#*/}" ||
          refuse "the volume “\${what#*/}” of the pool “\${what%%/*}”" ', or its pool is not active' 'Define and start the pool (virsh pool-define, pool-start)' ;;
      program)
        PATH=$PATH:/usr/local/bin:/usr/bin:/usr/sbin:/sbin command -v "$what" >/dev/null ||
          refuse "the program $what" '' 'Install it' ;;
      cpus) online "$what" || cannot "it is bound to the processors $what of the host, of which none is there" 'Bring them back' ;;
      memory) fits "$what" || cannot "it needs $what KiB of memory, more than this host has" 'Add memory or swap space' ;;
      port) ! taken \${what% *} "\${what#* }" || cannot "another program listens on the port \${what#* } of \${what% *}" 'End it' ;;
      model)
        models=$(virsh -c "$uri" capabilities 2>/dev/null) || continue
        printf '%s\\n' "$models" | grep -qF "<model>$what</model>" ||
          cannot "the security driver “$what” is not there" 'Enable it (security_driver in qemu.conf)' ;;
      usb) usb "$what" || refuse "the USB device $what" '' 'Plug it in' ;;
    esac
  done
}
`.trim();

/** The step that looks whether everything is there that a snapshot's record needs for its VM to start. */
export function needsAreThere(
  { uri, vm }: LibvirtContext,
  { name, memory }: Pick<Snapshot, 'name' | 'memory'>,
  verify: Expectation[],
): Omit<PlanStep, 'index'> {
  // What is `requisite` is needed to boot, and left out where memory is loaded.
  const leftOut = memory.kind === 'none' ? 'optional' : '(optional|requisite)';
  return lookingStep({
    title: 'Check that everything the snapshot needs is there',
    script,
    words: [uri, vm.uuid, name, needs, leftOut, startableDefinition, startRefusals],
    reads: [],
    verify,
  });
}
