/**
 * What the walk script decides over what tools print, in POSIX awk: no operation of the shell may take longer for longer
 * output (in dash, to cut a text off at a pattern takes the square of its length). N is the nonce.
 */

/**
 * From names of files, one a line, a line N, and what `head -c 3` prints of these files with their names: the numbers of
 * those that begin like an image that can have a backing image; with SAVED, also of those that begin like the saved memory of a
 * guest, behind a minus sign.
 */
export const awkHeads = String.raw`
!files && $0 == N { files = 1; next }
!files { number["==> " $0 " <=="] = NR; next }
$0 in number { at = number[$0]; next }
at { if (/^Q[FE][ID]/) print at; else if (SAVED && /^Lib/) print -at; at = 0 }
`;

/**
 * From records (a line of N and a number, or of N alone, and then a path, which may hold line breaks): with PICK=new the
 * numbers of paths that no record before has, with PICK=known those of the others.
 */
export const awkPick = String.raw`
function close_record() {
  if (number != "" && (path in known) == (PICK == "known")) print number
  known[path] = 1
}
index($0, N) == 1 { if (NR > 1) close_record(); number = substr($0, length(N) + 2); path = ""; lines = 0; next }
{ path = lines++ ? path "\n" $0 : $0 }
END { if (NR > 0) close_record() }
`;

/**
 * From what was followed before and the frames of this round, in this order: what to follow now, in two lines each. First N
 * and how it is used (raw, as it is: -, or beside: looking through the folder of the image finds it as well), then its path.
 */
export const awkFollow = String.raw`
index($0, N " ") == 1 {
  if ($2 == "followed") { use = $3; kind = "followed"; next }
  close_body()
  kind = $2; body = ""; lines = 0
  if (kind == "info") backing = format = data = ""
  if (kind == "exit" && $3 == "0") { follow_backing(); follow_data() }
  next
}
kind == "followed" { seen[use, $0] = 1; next }
kind == "named" || kind == "real" { body = lines++ ? body "\n" $0 : $0; next }
kind == "info" {
  # A quotation mark inside a JSON string is escaped, so this can only be a key itself.
  if (backing == "") backing = value("\"full-backing-filename\": \"")
  if (format == "") format = value("\"backing-filename-format\": \"")
  if (data == "") data = value("\"data-file\": \"")
}
function close_body() {
  if (kind == "named") path = body
  if (kind == "real") real = body
}
function value(key,  at, rest) {
  at = index($0, key)
  if (!at) return ""
  rest = substr($0, at + length(key))
  return substr(rest, 1, index(rest, "\"") - 1)
}
function folder(name) { sub(/[^\/]*$/, "", name); return name }
function follow(use, name) {
  # Anything that is not a plain absolute path is left to the caller.
  if (name !~ /^\// || index(name, "\\") || (use, name) in seen) return
  seen[use, name] = 1
  print N " followed " use
  print name
}
function follow_backing() {
  if (format == "raw") follow("raw", backing)
  else if (format == "qcow2" && path == real && folder(path) == folder(backing)) follow("beside", backing)
  else follow("-", backing)
}
function follow_data() { follow("raw", data) }
`;
