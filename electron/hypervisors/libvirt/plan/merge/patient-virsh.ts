/**
 * For scripts that write records: `ask` runs virsh and gives what it prints. An error is libvirt's word only where libvirt answers: while
 * it is started anew virsh fails as well, and then it is waited for and asked once more. Where it stays away the script ends. Takes
 * `uri`, the folder `work` and the function `fail` from the script that it stands in.
 *
 * virsh says nothing of what it could not write to a full file system (seen on 7.0, 9.0 and 11.3), and a record that is cut short must not
 * be taken for one: so the shell writes, which fails then.
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
`.trim();
