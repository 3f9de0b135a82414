/**
 * The script of a merge while the VM runs: it begins the block job, waits for its end, and is found again by it. It alone acts on the
 * job, and so it also carries out what a user wishes of it meanwhile (operations/host-job.ts says how it is told).
 */
import { guestPauseFunctions } from './guest-pause.ts';
import { wishFunctions } from './wishes.ts';

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
  /** Whether the image above names what is below it relatively, which is kept where libvirt can. */
  readonly isRelative: boolean;
}

/** The command that runs it. */
export function blockJobArgv(job: BlockJob): string[] {
  const { uri, vmUuid, target, kind, base, top, bytesPerSecond, mark, isRelative } = job;
  const reference = isRelative ? 'relative' : 'absolute';
  const words = [uri, vmUuid, target, kind, base, top, String(bytesPerSecond ?? 0), mark, reference];
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
uri=$1 vm=$2 target=$3 kind=$4 base=$5 top=$6 bandwidth=$7 mark=$8 reference=$9
folder=\${SNAPTREE_STEP:-}
fail() { letGuestGoOn; printf '%s\\n' "$*" >&2; exit 1; }
finish() { letGuestGoOn; exit 0; }
cancelled=no
trap 'cancelled=yes' TERM
ask() { LC_ALL=C virsh -c "$uri" "$@"; }
${guestPauseFunctions}
# Asks libvirt until it answers: sets disk and job. Ends where the VM does not run any more.
look() {
  tries=0
  while :; do
    # The job first: one that has ended is then seen in the chain.
    if job=$(ask blockjob "--domain=$vm" "--path=$target" --info --raw --bytes 2>&1) && xml=$(ask dumpxml "--domain=$vm" 2>&1); then
      disk=$(printf '%s\\n' "$xml" | awk -v wanted="$target" '${awkOfDisk.trim()}')
      return 0
    fi
    if [ "$(ask domstate "--domain=$vm" 2>/dev/null | head -n 1)" = 'shut off' ]; then
      refuseWish "The VM is shut off, and the merge has ended with it."
      fail "The VM is shut off, and the merge of $target ended with it. What it reads is as it was."
    fi
    # One without a definition, as it may have become meanwhile, is forgotten by libvirt when it ends.
    if vms=$(ask list --all --uuid 2>/dev/null) && ! printf '%s\\n' "$vms" | grep -Fqx -e "$vm"; then
      refuseWish 'The VM has ended, and the merge with it.'
      fail "The VM ended, and libvirt has no definition of it any more. The merge of $target ended with it. What its images hold is as it was."
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
isReady() { [ "$kind" = activeCommit ] && [ "$(printf '%s\\n' "$disk" | sed -n 1p)" = yes ]; }
number() { printf '%s\\n' "$job" | sed -n "s/^ *$1=\\([0-9][0-9]*\\)$/\\1/p"; }
# Whether the job that was seen last can be the one of this merge, by all that libvirt tells of it.
isAlike() {
  printf '%s\\n' "$job" | grep -Fqx -e " type=$words" || return 1
  [ "$kind" != activeCommit ] || isSame "$(mirror)" "$base"
}
progress() {
  [ -n "$folder" ] || return 0
  limit=$(number bandwidth) tells=
  if [ "$own" = yes ]; then tells=' can=limit,pause'; [ "$kind" != activeCommit ] || tells="$tells,guest"; fi
  tells="$tells limit=\${limit:-0}"
  [ "$behind" = no ] || tells="$tells behind"
  [ -z "$guestUntil" ] || tells="$tells guest=$guestUntil"
  printf '%s %s%s\\n' "$1" "$2" "$tells" >"$folder/progress.new" && mv "$folder/progress.new" "$folder/progress"
}
setLimit() { ask blockjob "--domain=$vm" "--path=$target" "--bandwidth=$1" --bytes 2>&1 >/dev/null; }
${wishFunctions}
# Carries out what the user wishes, on the job that was just looked at.
heed() {
  readWish || return 0
  # The definition is read after the job: it may show the end that the job has not told of yet.
  if [ "$own" = yes ] && ! holdsTop; then
    answer no 'The merge has just ended.'
    return 0
  fi
  if [ "$own" != yes ]; then
    answer no "The job on $target was not begun by this operation, and is left alone."
    return 0
  fi
  case $verb in
    limit) newLimit=$amount said="At most $amount bytes a second are copied." ;;
    continue) newLimit=$goesOnWith said='The merge goes on.' ;;
    pause) newLimit=1 said='The merge stands still: libvirt cannot pause it, and lets it copy one byte a second. What is being copied is finished first.' ;;
    pauseGuest) if pauseGuest "$amount"; then answer ok "$why"; else answer no "$why"; fi; return 0 ;;
    continueGuest) letGuestGoOn; answer ok 'The guest goes on.'; return 0 ;;
    *) answer no 'This is not known here.'; return 0 ;;
  esac
  [ "$verb $newLimit" != 'limit 0' ] || said='The merge copies as fast as it can.'
  if isReady; then
    answer no 'All is copied, and the merge is coming to its end: no limit holds any more.'
  elif why=$(setLimit "$newLimit"); then
    [ "$verb" = pause ] || goesOnWith=$newLimit
    behind=no windowAt=
    answer ok "$said"
  else
    # Where it ended meanwhile, that is what counts.
    look
    if [ -z "$job" ]; then answer no 'The merge has just ended.'; else answer no "libvirt refused it: $(printf '%s' "$why" | tr '\\n' ' ')"; fi
  fi
}
# Whether the guest writes as fast as is copied. Looked at where something was just copied: between two such moments libvirt
# tells the same as before.
behind=no windowAt= lastDone=-1
judge() {
  [ "$kind" = activeCommit ] || return 0
  now=$(date +%s)
  # Nothing is to be gained by what stands still on purpose.
  if [ "$(number bandwidth)" = 1 ] || [ -n "$guestUntil" ]; then windowAt=; return 0; fi
  if isReady; then
    : "\${readyAt:=$now}"
    [ $((now - readyAt)) -lt 30 ] || behind=yes
  elif [ "$1" -ne "$lastDone" ]; then
    left=$(($2 - $1)) lastDone=$1
    if [ -z "$windowAt" ]; then
      windowAt=$now windowLeft=$left
    elif [ $((now - windowAt)) -ge 20 ]; then
      if [ "$left" -ge "$windowLeft" ]; then behind=yes; else behind=no; fi
      windowAt=$now windowLeft=$left
    fi
  fi
  if [ "$behind" = yes ] && [ "$isSaid" = no ]; then
    isSaid=yes
    echo "The guest writes to $target as fast as it is copied: the merge does not come to its end like this. Raise or lift its speed limit, let the guest write less or pause it for a moment, or cancel: then the VM stays as it is."
  fi
}
look
case $kind in
  commit) words='Block Commit' ;;
  activeCommit) words='Active Block Commit' ;;
  pull) words='Block Pull' ;;
esac
own=no goesOnWith=$bandwidth
if [ -n "$job" ]; then
  # Left by a Snaptree that went away, or somebody else's of the same kind: what it leaves is looked at in the end.
  printf '%s\\n' "$job" | grep -Fqx -e " type=$words" || fail "Another job runs on $target. Nothing was begun."
  isAlike || fail "A commit of $target into $(mirror) runs, which is not this one. Nothing was begun."
  if [ -n "$folder" ] && [ -e "\${folder%/*}/$mark" ]; then
    own=yes
    # Nobody is left who would let it go on.
    [ "$(number bandwidth)" != 1 ] || setLimit "$bandwidth" >/dev/null
  fi
  echo "The job on $target goes on, and is waited for."
elif holdsTop; then
  # libvirt looks for images by the paths that it knows them by.
  top=$found
  # Where somebody has taken a snapshot since the plan was made, its overlay lies above, and would be merged as well or take all up.
  active=$(printf '%s\\n' "$disk" | sed -n 3p)
  case $kind in
    activeCommit) lowest=3 ;;
    pull) lowest=4 ;;
    commit) lowest= ;;
  esac
  [ -z "$lowest" ] || [ "$(printf '%s\\n' "$disk" | sed -n "\${lowest}p")" = "$top" ] || fail "Disk $target writes to $active now: somebody took a snapshot meanwhile. Nothing was begun."
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
  # libvirt refuses that where a name in between is absolute.
  { [ "$reference" = relative ] && ask "$@" --keep-relative >/dev/null 2>&1; } || ask "$@" >/dev/null || fail "The merge of $target was not begun. (Where permission is denied, SELinux or AppArmor on the host may forbid QEMU to write to $base. Where a block node is said to be read-only or inactive, the guest is paused since its memory was saved: let it go on, and merge then.)"
  own=yes
elif [ -n "$base" ] && ! holds "$base"; then
  fail "Neither $top nor $base is in the chain of $target. Nothing was begun."
fi
[ -z "$folder" ] || : >"\${folder%/*}/$mark"
isSaid=no looks=0 readyAt=
# Whether the job that was seen last is the one of this merge, as far as can be told: one that is just ending may look like another for
# a moment.
isOurs() {
  [ -n "$job" ] || return 1
  isAlike && return 0
  sleep 1
  look
  [ -n "$job" ] && isAlike
}
# Waiting for the guest's last writes would be without an end where it writes faster than they are copied.
giveUp() {
  # What ended this command may still be ending the commands that it starts.
  for again in 1 2 3 4 5; do
    sleep 1
    look
    isOurs || break
    ask blockjob "--domain=$vm" "--path=$target" --abort --async 2>/dev/null && break
  done
  for again in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    look
    isOurs || break
    sleep 1
  done
  ! isOurs || fail "The merge of $target could not be given up, and goes on."
  holdsTop || finish
  fail "The merge of $target was given up. The VM reads what it read before."
}
while :; do
  [ "$cancelled" = no ] || giveUp
  look
  # The job of somebody who ended this one and began their own is not waited for, told anything, or pivoted.
  isOurs || break
  done=$(number cur) end=$(number end)
  judge "\${done:-0}" "\${end:-0}"
  heed
  guestMayGoOn
  progress "\${done:-0}" "\${end:-0}"
  if isReady; then
    # Refused while the guest writes: "not ready for pivot yet". Not waited for, as virsh would without an end.
    ask blockjob "--domain=$vm" "--path=$target" --pivot --async >/dev/null 2>&1
    look
    [ -n "$job" ] || break
  fi
  # A short merge is not to wait long for its end, nor are those who copy to be kept from it.
  looks=$((looks + 1)) delay=1
  [ "$looks" -gt 20 ] || delay=0.5
  [ "$looks" -gt 5 ] || delay=0.2
  sleep "$delay" 2>/dev/null || sleep 1
done
letGuestGoOn
# QEMU may have told that it ended before libvirt has taken that up.
for again in 1 2 3 4 5; do
  holdsTop || finish
  sleep 1
  look
done
[ -z "$job" ] || fail "The merge of $target was ended by somebody, and another job runs on $target now, which is left alone. The merge has changed nothing that the VM reads."
fail "The job on $target ended without merging: somebody ended it, or reading or writing an image failed (no room left, a defect of the storage). QEMU's log on the host may say more. The VM reads what it read before."
`.trim();
