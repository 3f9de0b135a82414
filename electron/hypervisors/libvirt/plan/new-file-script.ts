/** How scripts make new files on a host: where nothing is, and so that they know them again. */

/** With the time at which it was made, where the file system keeps that: numbers of files that are gone are given to new ones at once. */
export const identity = `identity='%d:%i %w' TZ=UTC0; export TZ`;

/** What a script that makes files finds on the host, it leaves alone: `claim` makes an empty file where nothing was, and fails otherwise. */
export const claim = `
${identity}
fail() { printf '%s\\n' "$*" >&2; exit 1; }
folder=\${SNAPTREE_STEP:-}
umask 077
# Also where a link leads nowhere. What cannot be noted, on a host that is full, is not left behind.
claim() {
  (set -C; true >"$1") 2>/dev/null || fail "There is something at $1 already, or it cannot be made there. It was left as it is."
  [ -z "$folder" ] || stat -c "$identity" -- "$1" >>"\${folder%/*}/made" || { rm -f -- "$1"; exit 1; }
}
# Whoever may read the old one may read the new one.
give() { chown --reference="$2" -- "$1" 2>/dev/null; chmod --reference="$2" -- "$1" 2>/dev/null; :; }
`.trim();
