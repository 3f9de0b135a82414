/**
 * For the script of a merge: the pause of a guest that writes as fast as its images are merged. It ends with the merge, after so many
 * seconds at the latest, and also where the script is killed: a process beside it sees to that.
 */

/**
 * Runs beside the script. Its words: the URI, the VM, the pid of the script, when the guest goes on at the latest (epoch seconds), and
 * the file that is there for as long as the script has not let the guest go on. It stands between single quotes, and has none itself.
 */
const guard = `
uri=$1 vm=$2 script=$3 until=$4 file=$5
trap "" TERM HUP INT
while [ -e "$file" ] && kill -0 "$script" 2>/dev/null && [ "$(date +%s)" -lt $((until + 5)) ]; do sleep 1; done
[ -e "$file" ] || exit 0
# Also while libvirt is started anew.
tries=0
while [ "$tries" -lt 600 ]; do
  state=$(LC_ALL=C virsh -c "$uri" domstate "--domain=$vm" --reason 2>/dev/null)
  if [ "$state" = "paused (user)" ]; then LC_ALL=C virsh -c "$uri" resume "--domain=$vm" >/dev/null 2>&1
  elif [ -n "$state" ]; then break
  fi
  tries=$((tries + 1))
  sleep 1
done
rm -f "$file"
`.trim();

/**
 * `pauseGuest SECONDS` (sets `why`, fails where it was not paused), `letGuestGoOn`, and `guestMayGoOn` for every round of waiting.
 * `guestUntil` is set while the guest is paused. Takes `uri`, `vm`, `folder` and the function `ask` from the script that it stands in.
 * Only a guest that runs is paused, and only one that stands still because of `virsh suspend` goes on.
 */
export const guestPauseFunctions = `
guestUntil=
pauseGuest() {
  if [ -n "$guestUntil" ]; then why='The guest is paused already.'; return 1; fi
  if [ "$(ask domstate "--domain=$vm" 2>/dev/null | head -n 1)" != running ]; then
    why='The guest does not run, so it is not paused.'
    return 1
  fi
  guestUntil=$(($(date +%s) + $1))
  echo "$guestUntil" >"$folder/guest-paused"
  nohup sh -c '${guard}' snaptree-guest-goes-on "$uri" "$vm" "$$" "$guestUntil" "$folder/guest-paused" </dev/null >/dev/null 2>&1 &
  if why=$(ask suspend "--domain=$vm" 2>&1 >/dev/null); then
    why="The guest is paused until the merge has ended, for $1 seconds at most."
    return 0
  fi
  why="libvirt did not pause the guest: $(printf '%s' "$why" | tr '\\n' ' ')"
  letGuestGoOn
  return 1
}
letGuestGoOn() {
  [ -n "$guestUntil" ] || return 0
  guestUntil= resumed=no
  for again in 1 2 3 4 5; do
    state=$(ask domstate "--domain=$vm" --reason 2>/dev/null | head -n 1)
    if [ "$state" = 'paused (user)' ]; then ask resume "--domain=$vm" >/dev/null 2>&1
    elif [ -n "$state" ]; then resumed=yes; break
    else sleep 1
    fi
  done
  # Otherwise the process beside it goes on trying.
  if [ "$resumed" = yes ]; then rm -f "$folder/guest-paused"; fi
}
guestMayGoOn() {
  if [ -n "$guestUntil" ] && [ "$(date +%s)" -ge "$guestUntil" ]; then
    letGuestGoOn
    echo 'The guest goes on, after as long as it was to be paused at most. The merge has not ended.'
  fi
}
`.trim();
