/**
 * What libvirt says of a definition before it starts it, without starting it: `virsh domxml-to-native` makes the command line, and
 * looks meanwhile at much of what a start looks at first.
 */

/**
 * From a snapshot's record: its `<domain>` with what a host can lack without any file being gone. Left out is whatever would be
 * opened, made or run on the way to a command line (a tap device and its script for a network card, sockets, devices), what the
 * needs are looked for by themselves, and what is prepared only in a start (libvirt then calls a PCI device that is there
 * “invalid PCI passthrough type”).
 */
export const startableDefinition = String.raw`
function is_kept(line, words,  tag) {
  tag = line
  sub(/^ *<\/?/, "", tag)
  sub(/[^a-zA-Z0-9].*/, "", tag)
  return index(" " words " ", " " tag " ") > 0
}
/^  <domain[ >]/ { inside = 1; print substr($0, 3); next }
/^  <\/domain>/ { print substr($0, 3); exit }
!inside { next }
/^    <os[ >]/ { print "  <os>"; os = 1; next }
/^    <\/os>/ { print "  </os>"; os = 0; next }
os { if (/^      <type[ >]/) print; next }
/^    <devices>/ || /^    <\/devices>/ { devices = !devices; print; next }
devices {
  if (/^      </ && !/^      <\//) kept = is_kept($0, "emulator controller video graphics input sound watchdog memballoon")
  if (kept) print
  next
}
/^    </ && !/^    <\// { kept = is_kept($0, "name uuid memory memoryBacking vcpu iothreads iothreadids numatune cpu features") }
kept { print }
`.trim();

/**
 * What it says then, and a start says too, in the same words (seen with each on 7.0, 9.0 or 11.3 that says it): all others are no reason
 * to refuse. Of the daemon's own language, English where it has no other.
 */
const refusals: readonly string[] = [
  'does not support machine type',
  'does not support virt type',
  'hugetlbfs filesystem is not mounted',
  'Unable to find any usable hugetlbfs mount',
  'NUMA node [0-9]+ is unavailable',
  'greater than specified machine type limit',
  'CPU is incompatible with host CPU',
  '[Uu]nknown CPU (model|feature)',
  'CPU mode .* is not supported',
  'are not supported with this QEMU',
  'does not support video model',
];

/** As an extended regular expression of POSIX. */
export const startRefusals = refusals.join('|');
