/**
 * What is decided on the host while it is read, in POSIX awk: which commands follow from the answers of others. Each
 * program reads frames (N: the nonce) and prints lines for the shell, `virsh_all COMMANDS…`; `awkShorten` is a filter.
 */
import { definitionsWaitSince } from '../../capabilities.ts';

/**
 * Before each of the others but the filters. One virsh takes 128 KiB of commands, so frames are asked for in a shorter
 * form, which `awkShorten` writes out: a line of K, `of` and a UUID; then for each frame of that VM K and its kind, or, for
 * the record of a snapshot, K and the number of its line with the record right behind.
 */
export const awkFunctions = String.raw`
BEGIN { SQ = sprintf("%c", 39); K = "~" substr(N, 7, 9) }
function q(text,  count, parts, i, quoted) {
  count = split(text, parts, SQ)
  quoted = parts[1]
  for (i = 2; i <= count; i++) quoted = quoted SQ "\\" SQ SQ parts[i]
  return SQ quoted SQ
}
function run() { if (processes > 0) print (VERB == "" ? "virsh_all" : VERB) arguments; arguments = ""; processes = 0 }
function flush() {
  if (commands == "") return
  # What comes last in one virsh must not run into what another one prints.
  arguments = arguments " " q(commands "echo " q("\n" N " next\n"))
  commands = ""
  if (++processes >= PROCESSES) run()
}
function add(command) {
  if (length(commands) + length(command) > LIMIT) flush()
  commands = commands command
}
# words: first of all the kind of the frame; the UUID goes behind it
function ask(uuid, words, command,  of) {
  # What stands before the record of a snapshot ends with a line break of its own.
  command = "echo " (words ~ /^[0-9]+$/ ? K words : q("\n" K words "\n")) ";" command ";"
  of = "echo " q("\n" K "of " uuid "\n") ";"
  if (length(commands) + length(of command) > LIMIT) flush()
  if (commands == "" || uuid != asked_of) commands = commands of
  asked_of = uuid
  commands = commands command
}
function snapshot(uuid, name) {
  return "snapshot-dumpxml " uuid " " (substr(name, 1, 1) == "-" ? "--snapshotname=" : "") q(name)
}
# What virsh domcontrol says: a VM that is busy for a second or more is not to be asked.
function can_tell_jobs(busy) {
  return busy == "ok" || (sub(/^(background job|occupied) \(/, "", busy) && busy + 0 < 1)
}
# Somebody holds its lock, for a second or more.
function is_held(busy) {
  return busy ~ /^(background job|occupied) \(|^error: internal / && !can_tell_jobs(busy)
}
function unescape(text) {
  gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, SQ, text)
  gsub(/&#10;/, "\n", text); gsub(/&#9;/, "\t", text); gsub(/&#13;/, "\r", text)
  gsub(/&amp;/, "\\&", text)
  return text
}
END { flush(); run() }
`;

/** From the lists of UUIDs: what to ask of each pool and VM first. */
export const awkLists = String.raw`
index($0, N " ") == 1 {
  if (kind == "saved") flush()
  kind = $2
  if (kind == "saved") flush()
  next
}
# An option that virsh does not know would refuse all commands of its line.
kind == "version" && /^Using library: libvirt [0-9]/ {
  split($4, version, ".")
  if (version[1] * 1000 + version[2] >= 5006) add("echo " q("\n" N " with-checkpoints\n") ";list --all --with-checkpoint --uuid;")
}
!/^[0-9a-f-]+$/ || length($0) != 36 { next }
kind == "pools" { ask($0, "pool", "pool-dumpxml " $0) }
# Asked in a virsh of its own: older than libvirt 3.7, it does not know the command and takes none of the others then.
kind == "saved" { saved[$0] = 1; if (!ONLY) ask($0, "memory", "managedsave-dumpxml " $0) }
kind == "only" && ($0 in saved) { flush(); ask($0, "memory", "managedsave-dumpxml " $0); flush() }
(kind == "vms" && !ONLY) || kind == "only" {
  ask($0, "name", "domname " $0)
  # Before the state, by which the definition is asked for.
  ask($0, "control", "domcontrol " $0)
  ask($0, "state", "domstate --reason " $0)
  ask($0, "current", "snapshot-current --name " $0)
  ask($0, "listing", "snapshot-list --name " $0)
  # So that the list does not run into the empty lines before the next VM.
  ask($0, "listed", "echo")
}
`;

/**
 * From those answers and the version: definitions, and the record of each line that can be a snapshot.
 *
 * Since libvirt 11.0 a definition waits half a minute where somebody holds the VM, as one does whom its QEMU does not answer. A VM that is held
 * is looked up in libvirt's files (FILES: where this user sees them). Else it is not asked where its QEMU is silent: who gives up waiting
 * leaves a worker of the daemon behind for that half minute, and polls of five such VMs used up all 20 (seen on 11.3). One at which
 * somebody is at work may answer soon: four of them are asked, each in a virsh that is given up.
 */
export const awkRecords = String.raw`
index($0, N " ") == 1 { kind = $2; uuid = $3; line = 0; next }
kind == "version" && /^Running against daemon: [0-9]/ { split($4, version, "."); waits = version[1] + 0 >= ${String(definitionsWaitSince)}; next }
kind == "name" && $0 != "" && !(uuid in name) { name[uuid] = $0; next }
kind == "control" && $0 != "" { control[uuid] = $0; next }
kind == "state" && $0 != "" && !(uuid in asked) {
  asked[uuid] = 1
  runs = index($0, "shut off") != 1
  if (waits && runs && is_held(control[uuid])) { ask_held(uuid, control[uuid]); next }
  ask(uuid, "domain", "dumpxml " uuid)
  if (runs) ask(uuid, "inactive", "dumpxml --inactive " uuid)
}
kind == "listing" {
  line++
  if ($0 == "" || (uuid, $0) in asked || length($0) > 4096) next
  asked[uuid, $0] = 1
  ask(uuid, line, snapshot(uuid, $0))
}
function ask_held(uuid, busy,  text) {
  if (FILES) { in_files = in_files "definition_in_files " uuid " " q(name[uuid]) "\n"; return }
  if (busy ~ /^occupied/ || count == 4) return
  text = "echo " q("\n" K "of " uuid "\n\n" K "domain\n") ";dumpxml " uuid ";echo " q("\n" K "inactive\n") ";dumpxml --inactive " uuid
  alone = alone " " q(text ";echo " q("\n" K "told\n\n" N " next\n"))
  count++
}
END {
  if (alone != "") print "virsh_limited" alone
  printf "%s", in_files
}
`;

/**
 * From the lists of UUIDs by state, the disks that main knows of each VM (`disks`: its UUID and targets), and `control`: the
 * definitions, which tell of a change. Where they wait (WAITS; see `awkRecords`) a VM that is held is not asked, and so taken for
 * one that changed.
 */
export const awkOutlines = String.raw`
index($0, N " ") == 1 { kind = $2; uuid = $3; next }
kind == "disks" { disks[$1] = 1; next }
kind == "shutoff" { off[$0] = 1; next }
kind == "control" && $0 != "" && (uuid in disks) && !(uuid in asked) {
  asked[uuid] = 1
  if (WAITS && is_held($0)) next
  ask(uuid, "domain", "dumpxml " uuid)
  if (!(uuid in off)) ask(uuid, "inactive", "dumpxml --inactive " uuid)
}
`;

/**
 * A filter: writes short frames out, and leaves away what Snaptree does not read. Of definitions it passes on a few elements,
 * the disks, and whatever else names a file, a volume or a device of the host; of those in records (where `<inactiveDomain>`
 * repeats most of `<domain>`), besides the disks of `<domain>`, what no definition or record of that VM named before. What
 * was named before is said by its number (sent-elements.ts): each such element has one when it is passed on first, and
 * `<snaptree-same ids='…'/>` at the end of a `<domain>` lists those that it has as well. STAGE goes in front of the
 * numbers, so that those of several filters differ. libvirt indents by two, and text in XML holds no bare angle bracket, so
 * that a line with one is an element's.
 */
export const awkShorten = String.raw`
BEGIN {
  K = "~" substr(N, 7, 9)
  SQ = sprintf("%c", 39)
  # The start of an absolute path: of an attribute's value (and no end of an element), of text, or of a part of an argument; and
  # what names a pool, a network or a filter.
  PATH = "[" SQ "\"](/[^>]|file:///)|>/[^>]|=/| (pool|network|filter)="
  split("name uuid title description memory vcpu os devices qemu:commandline", words, " ")
  for (i in words) keep[words[i]] = 1
  split("name uuid devices qemu:commandline", words, " ")
  for (i in words) keep_then[words[i]] = 1
}
index($0, N " ") == 1 {
  kind = $2; uuid = $3; lines = 0; indent = ""; devices = ""; beside = 0; same = ""
  print
  next
}
index($0, K) == 1 {
  rest = substr($0, length(K) + 1); lines = 0; indent = ""; devices = ""; beside = 0; same = ""
  if (index(rest, "of ") == 1) { kind = ""; uuid = substr(rest, 4); next }
  if (match(rest, /^[0-9]+/)) {
    kind = "snapshot"
    print ""
    print N " snapshot " uuid " " substr(rest, 1, RLENGTH)
    $0 = substr(rest, RLENGTH + 1)
  } else {
    kind = rest
    if (kind == "domain" || kind == "inactive" || kind == "memory") indent = "  "
    print N " " kind " " uuid
    next
  }
}
lines > 0 {
  hold()
  if (index($0, closing) == 1 || (has_text && index($0, end_tag))) finish()
  next
}
function element() {
  if (!match($0, /<[^ \/>]+/)) return ""
  return substr($0, RSTART + 1, RLENGTH - 1)
}
# An element of which all or nothing is passed on. must: all of it, whatever it holds
function begin(before, tag, must) {
  key = tag; paths = 0; needed = must; is_device = tag == "hostdev" || (tag == "interface" && / type=.hostdev/)
  end_tag = "</" tag ">"
  closing = before end_tag
  has_text = tag == "title" || tag == "description"
  hold()
  if (index($0, end_tag) || /\/>$/) finish()
}
function hold(  text) {
  held[++lines] = $0
  if (is_device || $0 ~ PATH) paths++
  else if (!/<(driver|format) /) return
  if (length(key) > 4000) return
  text = $0
  sub(/^ +/, "", text)
  sub(/ index=.[0-9]+./, "", text)
  key = key text
}
function finish(  i, is_told) {
  is_told = paths > 0 && length(key) <= 4000 && ((uuid, key) in named)
  if (is_told && !needed && indent == "    ") {
    if (!beside) same = same " " named[uuid, key]
  } else if (needed || paths > 0) {
    if (paths > 0 && !is_told) {
      named_count++
      named[uuid, key] = STAGE named_count
      if (!needed && match(held[1], /<[^ \/>]+/)) {
        i = RSTART + RLENGTH
        held[1] = substr(held[1], 1, i - 1) " snaptree-id=" SQ named[uuid, key] SQ substr(held[1], i)
      }
    }
    for (i = 1; i <= lines; i++) print held[i]
  }
  lines = 0
}
/^  <\/?(domain|inactiveDomain)[ >]/ && (kind == "snapshot" || kind == "lookup") {
  indent = index($0, "/") == 4 ? "" : "    "
  beside = /<inactiveDomain/
  if (same != "") print "    <snaptree-same ids=" SQ substr(same, 2) SQ "/>"
  same = ""
  print
  next
}
/^  <cookie[ >]/ && (kind == "snapshot" || kind == "lookup") { begin("  ", element(), 0); next }
indent != "" && index($0, indent "<") == 1 {
  tag = element()
  if (tag == "devices") devices = /\/>$/ ? "" : indent "  "
  else if (tag == "") devices = ""
  else if (!(tag in keep) || (indent == "    " && (!(tag in keep_then) || beside))) { begin(indent, tag, 0); next }
  print
  next
}
devices != "" && index($0, devices "<") == 1 {
  tag = element()
  if (tag != "") { begin(devices, tag, tag == "disk" && !beside); next }
}
{ print }
`;

/**
 * From everything known so far: snapshots still to be asked for. Names with line breaks look like several in the list:
 * within runs of lines that are not clearly a snapshot of their own (see snapshot-names.ts), all joins of up to 8
 * neighbours are tried, at most 2000 a VM. Parents and current snapshots that no line names are asked for too.
 */
export const awkLookups = String.raw`
index($0, N " ") == 1 {
  close_body()
  kind = $2; uuid = $3; line = $4; body = ""; lines = 0; in_parent = 0
  if (kind == "domain" && !(uuid in vms)) { vms[uuid] = 1; order[++vm_count] = uuid }
  next
}
kind == "listing" { list[uuid, ++length_of[uuid]] = $0; next }
kind == "domain" { if (lines++ == 0 && /^<domain/) readable[uuid] = 1; next }
kind == "current" || kind == "ask" { body = lines++ ? body "\n" $0 : $0; next }
kind == "snapshot" || kind == "lookup" {
  if (lines++ == 0) first = $0
  if (/^  <parent>/) in_parent = 1
  else if (in_parent) {
    if (in_parent == 1) { sub(/^ *<name>/, ""); parent = "" }
    else parent = parent "\n"
    in_parent = 2
    if (index($0, "</name>")) { sub(/<\/name>.*/, ""); refer(uuid, unescape(parent $0)); in_parent = 0 }
    else parent = parent $0
  }
}
function refer(uuid, name) { refers[uuid, ++references[uuid]] = name }
function close_body() {
  if (kind == "listing" && length_of[uuid] > 0 && list[uuid, length_of[uuid]] == "") length_of[uuid]--
  if (kind == "current") current[uuid] = body
  if (kind == "ask") asked_name = body
  if (kind == "snapshot") learn(uuid, list[uuid, line])
  if (kind == "lookup") learn(uuid, asked_name)
  kind = ""
}
function learn(uuid, name) {
  known[uuid, name] = 1
  if (first !~ /Domain snapshot not found|no domain snapshot with matching name/) exists[uuid, name] = 1
  first = ""
}
function want(uuid, name) {
  if (name == "" || (uuid, name) in known || length(name) > 4096) return
  known[uuid, name] = 1
  add("echo " q("\n" N " ask " uuid "\n" name "\n" N " lookup " uuid "\n") ";" snapshot(uuid, name) ";")
}
function join_lines(uuid, start, end,  from, to, name) {
  for (from = start; from < end; from++) {
    name = list[uuid, from]
    for (to = from + 1; to <= end && to < from + 8; to++) {
      if (++tried[uuid] > 2000) return
      name = name "\n" list[uuid, to]
      want(uuid, name)
    }
  }
}
END {
  close_body()
  for (v = 1; v <= vm_count; v++) {
    uuid = order[v]
    if (!(uuid in readable)) continue
    count = length_of[uuid]
    some = 0
    for (i = 1; i <= count; i++) {
      seen[uuid, list[uuid, i]]++
      if ((uuid, list[uuid, i]) in exists) some = 1
    }
    if (some || list[uuid, 1] !~ /^error: /) {
      start = 0
      for (i = 1; i <= count + 1; i++) {
        doubtful = i <= count && (list[uuid, i] == "" || seen[uuid, list[uuid, i]] > 1 || !((uuid, list[uuid, i]) in exists))
        if (doubtful && !start) start = i
        if (!doubtful && start) { join_lines(uuid, start, i - 1); start = 0 }
      }
    }
    for (i = 1; i <= references[uuid]; i++) want(uuid, refers[uuid, i])
    if (current[uuid] !~ /^error: /) want(uuid, current[uuid])
  }
  flush()
  run()
}
`;

/** The paths of all volumes of pools that definitions and records name. */
export const awkVolumes = String.raw`
function value(attribute,  start, rest) {
  start = index($0, " " attribute "=" SQ)
  if (!start) return ""
  rest = substr($0, start + length(attribute) + 3)
  return unescape(substr(rest, 1, index(rest, SQ) - 1))
}
/^ *<[^\/]/ && / pool=/ && / volume=/ {
  pool = value("pool")
  volume = value("volume")
  if (pool == "" || volume == "" || (pool, volume) in asked) next
  asked[pool, volume] = 1
  add("echo " q("\n" N " volume\n" pool "/" volume "\n" N " path\n") ";vol-path --pool=" q(pool) " --vol=" q(volume) ";")
}
`;
