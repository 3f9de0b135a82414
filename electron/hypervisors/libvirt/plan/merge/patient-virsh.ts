/**
 * For scripts that write records: `ask` runs virsh and gives what it prints. An error is libvirt's word only where libvirt answers: while
 * it is started anew virsh fails as well, and then it is waited for and asked once more. Where it stays away the script ends. Takes
 * `uri`, the folder `work` and the function `fail` from the script that it stands in.
 *
 * virsh says nothing of what it could not write to a full file system (seen on 7.0, 9.0 and 11.3), and a record that is cut short must not
 * be taken for one: so the shell writes, which fails then.
 *
 * `redefine FILE NAME [OPTION…]` writes the record of `vm` in a file back, with more options of virsh; NAME is empty where it is a new one. libvirt gives up a record that it cannot
 * save: it knows the snapshot no more, though the file stays as it was, until it is defined again (seen on 7.0, 9.0 and 11.3). So it is
 * not begun where libvirt has no room; and where the room goes just then, it gets some that was kept for it, in a file without a name that
 * nothing leaves behind, and saves the record after all. Only who may write where libvirt does can keep it.
 */
export const patientVirsh = `
virsh_once() { answer=$(LC_ALL=C virsh -c "$uri" "$@" 2>"$work/refused"); }
ask() {
  virsh_once "$@" || {
    waited=0
    until LC_ALL=C virsh -c "$uri" uri >/dev/null 2>&1; do
      waited=$((waited + 1))
      [ "$waited" -lt 60 ] || fail "libvirt has not answered for a minute. $(cat "$work/refused")"
      sleep 1
    done
    virsh_once "$@" || { cat "$work/refused" >&2; return 1; }
  }
  printf '%s\\n' "$answer" || fail "What libvirt said could not be written to $work, and nothing was changed by it. Check the free space there."
}
records=/var/lib/libvirt/qemu
hasRoom() {
  case $uri in *session*) return 0 ;; esac
  free=$(df -Pk "$records" 2>/dev/null | awk 'NR == 2 && $4 ~ /^[0-9]+$/ { print $4 }')
  [ -n "$free" ] || return 0
  [ "$free" -ge 512 ]
}
keep_room() {
  case $uri in *session*) return 0 ;; esac
  kept_room=$records/snaptree-room-$$
  (: >"$kept_room") 2>/dev/null || return 0
  exec 9>"$kept_room"
  rm -f "$kept_room"
  dd if=/dev/urandom bs=1024 count=256 >&9 2>/dev/null || :
}
give_room() { exec 9>&-; }
redefine() {
  hasRoom || fail "libvirt has no room for its records ($free KiB are free in $records). The record was not touched: libvirt would give up one that it cannot save. Make room there, then go on."
  redefined_file=$1 redefined_name=$2
  shift 2
  current_name=$(LC_ALL=C virsh -c "$uri" snapshot-current --name "--domain=$vm" 2>/dev/null) || :
  keep_room
  ask snapshot-create "--domain=$vm" "--xmlfile=$redefined_file" --redefine "$@" >/dev/null && give_room && return 0
  give_room
  [ -n "$redefined_name" ] || return 1
  ! ask snapshot-dumpxml "--domain=$vm" "--snapshotname=$redefined_name" >/dev/null 2>&1 || return 1
  ask domstate "--domain=$vm" >/dev/null 2>&1 || return 1
  [ "$current_name" != "$redefined_name" ] || set -- "$@" --current
  ask snapshot-create "--domain=$vm" "--xmlfile=$redefined_file" --redefine "$@" >/dev/null && return 0
  fail "libvirt has given up the record of $redefined_name, which it could not save; its file below $records is as it was. Make room there, then define it again (virsh snapshot-create --redefine): its file holds what it was."
  return 1
}
`.trim();
