/**
 * For the scripts of merges: what they are told while they run (operations/host-job.ts, `tellJob`). `readWish` looks whether there is
 * a wish that was not answered yet, and sets `verb`, `amount` and `who`; `answer ok|no SENTENCE` answers it, and prints it with whose
 * wish it was; `refuseWish SENTENCE` answers one where there is one. Takes `folder` from the script that it stands in.
 */
export const wishFunctions = `
wish=
# Whether there is one that was not answered yet: sets wish (its id), verb, amount, and who wants it.
readWish() {
  [ -n "$folder" ] && [ -f "$folder/wish" ] || return 1
  IFS=' ' read -r id verb amount who <"$folder/wish" || return 1
  [ "$id" != "$wish" ] || return 1
  wish=$id
}
answer() {
  printf '%s %s\\n' "$wish" "$*" >"$folder/answer.new" && mv "$folder/answer.new" "$folder/answer"
  shift
  printf '%s (%s)\\n' "$*" "$who"
}
refuseWish() { readWish && answer no "$1"; return 0; }
`.trim();
