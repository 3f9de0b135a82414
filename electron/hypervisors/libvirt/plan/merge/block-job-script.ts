/** The script of a merge while the VM runs: it begins the block job, waits for its end, and is found again by it. */

/** As libvirt writes text between the quotes of an attribute (virBufferEscapeString). */
export function libvirtAttribute(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '<': '&lt;',
    '>': '&gt;',
    '&': '&amp;',
    "'": '&apos;',
    '"': '&quot;',
  };
  return text.replace(/[<>&'"]/g, (character) => entities[character] ?? character);
}

export interface BlockJob {
  readonly uri: string;
  readonly vmUuid: string;
  readonly target: string;
  readonly kind: 'commit' | 'activeCommit' | 'pull';
  /** The path of the image that stays below: of a commit the one that is written to. Empty: a pull down to the end. */
  readonly base: string;
  /** The path of the uppermost image that goes away from the chain. */
  readonly top: string;
  readonly bytesPerSecond: number | null;
  /** See `mergeMark`. */
  readonly mark: string;
}

/** The command that runs it. */
export function blockJobArgv(job: BlockJob): string[] {
  const { uri, vmUuid, target, kind, base, top, bytesPerSecond, mark } = job;
  const words = [uri, vmUuid, target, kind, base, top, String(bytesPerSecond ?? 0), mark];
  return ['sh', '-c', script, 'snaptree-merge', ...words];
}

/**
 * Prints the state of one disk of a definition, from `virsh dumpxml`: whether its mirror is ready, the mirror's image, and
 * then the images of its chain, the active layer first.
 */
const awkOfDisk = `
function path(line) {
  # The first attribute; "<" stands in no other place.
  sub(/^.*<(source|mirror type=\\047[a-z]*\\047) (file|dev)=\\047/, "", line)
  sub(/\\047.*$/, "", line)
  gsub(/&lt;/, "<", line)
  gsub(/&gt;/, ">", line)
  gsub(/&apos;/, "\\047", line)
  gsub(/&quot;/, "\\"", line)
  gsub(/&amp;/, "\\\\&", line)
  return line
}
/^ *<disk / { inDisk = 1; inMirror = 0; ready = "no"; mirror = "-"; count = 0; target = "" }
inDisk && /<mirror / { inMirror = 1; if ($0 ~ /ready=\\047yes\\047/) ready = "yes"; if ($0 ~ /\\/>/) inMirror = 0 }
inDisk && /<source / { if (inMirror) mirror = path($0); else chain[++count] = path($0) }
inDisk && /<\\/mirror>/ { inMirror = 0 }
inDisk && /<target / { target = $0; sub(/^.*dev=\\047/, "", target); sub(/\\047.*$/, "", target) }
/<\\/disk>/ {
  if (inDisk && target == wanted) { print ready; print mirror; for (i = 1; i <= count; i++) print chain[i] }
  inDisk = 0
}`;

/**
 * What libvirt says counts, never how far the job says that it is: of a commit of the active layer \`cur == end\` is not its end, which
 * is \`ready='yes'\` of its mirror. Virsh may fail while libvirt is started anew: that ends nothing.
 */
const script = `
uri=$1 vm=$2 target=$3 kind=$4 base=$5 top=$6 bandwidth=$7 mark=$8
fail() { printf '%s\\n' "$*" >&2; exit 1; }
cancelled=no
trap 'cancelled=yes' TERM
ask() { LC_ALL=C virsh -c "$uri" "$@"; }
# Asks libvirt until it answers: sets disk and job. Ends where the VM does not run any more.
look() {
  tries=0
  while :; do
    # The job first: one that has ended is then seen in the chain.
    if job=$(ask blockjob "--domain=$vm" "--path=$target" --info --raw 2>&1) && xml=$(ask dumpxml "--domain=$vm" 2>&1); then
      disk=$(printf '%s\\n' "$xml" | awk -v wanted="$target" '${awkOfDisk.trim()}')
      return 0
    fi
    if [ "$(ask domstate "--domain=$vm" 2>/dev/null | head -n 1)" = 'shut off' ]; then
      fail "The VM is shut off, and the merge of $target ended with it. What it reads is as it was."
    fi
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "libvirt has not answered for ten minutes. Whether the merge of $target goes on is not known."
    sleep 2
  done
}
isSame() { [ "$1" = "$2" ] || [ "$1" -ef "$2" ]; }
# Whether an image is in the chain; by whatever path libvirt names it there, which is then "found".
holds() {
  while IFS= read -r found; do isSame "$found" "$1" && return 0; done <<END
$(printf '%s\\n' "$disk" | tail -n +3)
END
  return 1
}
# Whether the image that was to go is still in the chain.
holdsTop() { holds "$top"; }
mirror() { printf '%s\\n' "$disk" | sed -n 2p; }
progress() {
  [ -n "\${SNAPTREE_STEP:-}" ] || return 0
  printf '%s %s\\n' "$1" "$2" >"$SNAPTREE_STEP/progress.new" && mv "$SNAPTREE_STEP/progress.new" "$SNAPTREE_STEP/progress"
}
number() { printf '%s\\n' "$job" | sed -n "s/^ *$1=\\([0-9][0-9]*\\)$/\\1/p"; }
look
case $kind in
  commit) words='Block Commit' option=--base ;;
  activeCommit) words='Active Block Commit' option=--base ;;
  pull) words='Block Pull' option=--base ;;
esac
if [ -n "$job" ]; then
  # Left by a Snaptree that went away, or somebody else's of the same kind: what it leaves is looked at in the end.
  printf '%s\\n' "$job" | grep -Fqx -e " type=$words" || fail "Another job runs on $target. Nothing was begun."
  [ "$kind" != activeCommit ] || isSame "$(mirror)" "$base" || fail "A commit of $target into $(mirror) runs, which is not this one. Nothing was begun."
  echo "The job on $target goes on, and is waited for."
elif holdsTop; then
  # libvirt looks for images by the paths that it knows them by.
  top=$found
  if [ -n "$base" ]; then
    holds "$base" || fail "$base is not in the chain of $target. Nothing was begun."
    base=$found
  fi
  case $kind in
    commit) set -- blockcommit "--domain=$vm" "--path=$target" "--base=$base" "--top=$top" ;;
    activeCommit) set -- blockcommit "--domain=$vm" "--path=$target" "--base=$base" --active ;;
    pull) set -- blockpull "--domain=$vm" "--path=$target"; [ -z "$base" ] || set -- "$@" "--base=$base" ;;
  esac
  [ "$bandwidth" -eq 0 ] || set -- "$@" "--bandwidth=$bandwidth" --bytes
  [ "$cancelled" = no ] || fail 'Nothing was begun.'
  ask "$@" >/dev/null || fail "The merge of $target was not begun. (Where permission is denied, SELinux or AppArmor on the host may forbid QEMU to write to $base.)"
elif [ -n "$base" ] && ! holds "$base"; then
  fail "Neither $top nor $base is in the chain of $target. Nothing was begun."
fi
[ -z "\${SNAPTREE_STEP:-}" ] || : >"\${SNAPTREE_STEP%/*}/$mark"
firstEnd= waited=0 told=no delay=0.2
while :; do
  if [ "$cancelled" = yes ]; then
    # What ended this command may still be ending the commands that it starts.
    for again in 1 2 3 4 5; do
      sleep 1
      ask blockjob "--domain=$vm" "--path=$target" --abort 2>/dev/null && break
    done
    look
    [ -z "$job" ] || fail "The merge of $target could not be given up, and goes on."
    holdsTop || exit 0
    fail "The merge of $target was given up. The VM reads what it read before."
  fi
  look
  [ -n "$job" ] || break
  done=$(number cur) end=$(number end)
  progress "\${done:-0}" "\${end:-0}"
  if [ "$kind" = activeCommit ] && [ "$(printf '%s\\n' "$disk" | sed -n 1p)" = yes ]; then
    # Refused while the guest writes: "not ready for pivot yet".
    if ask blockjob "--domain=$vm" "--path=$target" --pivot >/dev/null 2>&1; then look; [ -n "$job" ] || break; fi
    delay=0.5
  fi
  : "\${firstEnd:=$end}"
  if [ "$kind" = activeCommit ] && [ "\${done:-0}" -ge "\${firstEnd:-0}" ] && [ "\${firstEnd:-0}" -gt 1 ]; then
    waited=$((waited + 1))
    if [ "$waited" -ge 60 ] && [ "$told" = no ]; then
      told=yes
      echo "All of $target was copied once, and the guest writes as fast as the rest is copied. The merge ends as soon as it writes less. Let it write less, pause it for a moment (virsh suspend, then virsh resume), or cancel."
    fi
  fi
  sleep "$delay" 2>/dev/null || sleep 1
  delay=1
done
# QEMU may have told that it ended before libvirt has taken that up.
for again in 1 2 3 4 5; do
  holdsTop || exit 0
  sleep 1
  look
done
fail "The job on $target ended without merging: somebody ended it, or reading or writing an image failed (no room left, a defect of the storage). QEMU's log on the host may say more. The VM reads what it read before."
`.trim();
