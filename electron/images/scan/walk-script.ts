/** The shell script that examines images on a host: asked for by path, found by following chains and by looking round. */
import { quoteArgument } from '../../hosts/commands/quoting.ts';

export interface WalkRequest {
  /** Absolute. */
  readonly path: string;
  /**
   * True where the image is used as raw. It is then read as raw: a guest can write anything into a raw disk, also a
   * header that makes it look like an overlay of some file of the host.
   */
  readonly raw: boolean;
}

/** What one walk is to do. */
export interface WalkTask {
  readonly requests: readonly WalkRequest[];
  /**
   * Examine the requests themselves. Otherwise those that looking through their folders will find are left to that, so
   * that nothing is examined twice.
   */
  readonly alone: boolean;
  /** Folders to look through besides those in which the images lie. */
  readonly folders: readonly string[];
  /** Folders that were looked through already. */
  readonly skippedFolders: readonly string[];
  /** Folders whose files are only to be listed with their status, to see what changed. */
  readonly listedFolders: readonly string[];
  /** Paths whose status behind all symbolic links is wanted. */
  readonly links: readonly string[];
  /** Files to examine if they begin like an image. */
  readonly candidates: readonly string[];
}

/** At most so many regular files are looked at in one folder. */
export const maximumFilesPerFolder = 5000;
/** At most so many folders are looked through, and so many subfolders of them. */
export const maximumFolders = 500;
export const maximumSubfolders = 500;
/** Where more images are found by looking round, their headers are read instead of asking qemu-img for each. */
const maximumCandidates = 64;
/** Holds the header, its extensions and nearly always the backing name. */
export const headerBytes = 1024;
/** How far down subfolders are looked into. Hidden ones are not: `.snapshot`, `.zfs`, `.git`. */
export const maximumDepth = 2;

/**
 * A script that prints, in frames, all about the images at `requests`, about every image that their chains reach by
 * plain absolute paths, and about every other qcow2 or qed image in the folders in which any of these lie and in their
 * subfolders: an overlay that no VM names depends on its backing image all the same.
 *
 * Frames:
 * - `named` (body: a path as asked for or as recorded), `real` (the resolved path of it); then, where it is examined,
 *   `kind file|block|other|absent [raw]` and `info EXIT-CODE` (JSON, or the error), or `header`: its first bytes are in
 *   the next `headers` (base64), which holds those of all files named since the one before;
 * - `folder` or, where it was only listed, `listing` (its path), and of that folder `df`, `entries` (the status of
 *   everything in it, and of itself), `unlisted` (cannot be listed), `cut` (has more files than are looked at), `closed COUNT` (files
 *   that could not be opened; the body names some), `subfolders` (has more of them than are looked at);
 * - `status` (of paths, behind symbolic links), `locked` (a candidate that cannot be opened);
 * - `folders` (there were more than are looked through), `noqemuimg`, `nostat`, `end`.
 *
 * Every image is examined on its own, since `--backing-chain` fails as a whole; with `-U`, since VMs may be running;
 * and several at a time, since one costs about 10 ms, nearly all of it for starting qemu-img.
 */
export function walkScript(nonce: string, task: WalkTask): string {
  const alone = task.alone ? 'alone' : "''";
  return [
    `N=${quoteArgument(nonce)}`,
    functions,
    ...task.skippedFolders.map((folder) => `skip_folder ${quoteArgument(withoutSlash(folder))}`),
    ...task.listedFolders.map((folder) => `list_folder ${quoteArgument(withoutSlash(folder))}`),
    ...batches(task.links).map((paths) => `status_of ${paths.map(quoteArgument).join(' ')}`),
    ...task.requests.map(({ path, raw }) => `request ${quoteArgument(path)} ${raw ? 'raw' : "''"} ${alone}`),
    ...task.folders.map((folder) => `request_folder ${quoteArgument(folder)}`),
    ...batches(task.candidates).map((paths) => `consider ${paths.map(quoteArgument).join(' ')}`),
    'walk',
    'frame end',
    '',
  ].join('\n');
}

/** The root folder is the empty string in the script, so that a slash and a name can follow it. */
function withoutSlash(folder: string): string {
  return folder.replace(/\/+$/, '');
}

function batches(paths: readonly string[]): readonly (readonly string[])[] {
  const size = 64;
  return Array.from({ length: Math.ceil(paths.length / size) }, (_, index) =>
    paths.slice(index * size, (index + 1) * size),
  );
}

const functions = `
NL='
'
seen=
raws=
skipped=
folders=0
scanned=0
subfolders=0
deferred=0
sorted=0
candidates=0
taken=0
items=0
examined=0
last_parent=
last_real=
share=-U
limited() { "$@"; }
if command -v timeout >/dev/null 2>&1; then limited() { timeout -k 2 20 "$@"; }; fi
frame() { printf '\\n%s %s\\n' "$N" "$*"; }
have_qemu_img=yes
command -v qemu-img >/dev/null 2>&1 || { have_qemu_img=; frame noqemuimg; }
# BusyBox knows these fields as well; where stat knows no -c, nothing is told from them.
status_format="$N-s %d %i %f %h %t %T %s %b %Y %y|%z|%n"
have_stat=
case $(stat -c '%d %i %f' / 2>/dev/null) in [0-9]*' '[0-9]*' '4*) have_stat=yes ;; *) frame nostat ;; esac

# Two at least, since reading waits; not more than four, since VMs run here.
workers=$(nproc 2>/dev/null)
case $workers in '' | *[!0-9]* | 1) workers=2 ;; ??* | [5-9]) workers=4 ;; esac
work_folder=
make_work_folder() { # for what several write at the same time; without it one image is examined after the other
  [ -z "$work_folder" ] || return 0
  work_folder=$(mktemp -d 2>/dev/null) && [ -d "$work_folder" ] || { work_folder=; return 1; }
  trap 'rm -rf -- "$work_folder"' EXIT
  trap 'exit 143' HUP INT TERM
}

resolve() { # path: sets real
  name=\${1##*/}
  parent=\${1%/*}
  case $name in '' | . | ..) name= ;; esac
  if [ "$name" ] && ! [ -L "$1" ]; then
    # No process for each of thousands of paths: most lie in the folder of the one before.
    if [ "$parent/" != "$last_parent" ]; then
      last_parent=
      if cd -P -- "$parent/" 2>/dev/null; then
        last_parent=$parent/
        last_real=\${PWD%/}
      fi
    fi
    if [ "$last_parent" ]; then
      real=$last_real/$name
      return
    fi
  fi
  real=$(readlink -f -- "$1" 2>/dev/null && printf x)
  real=\${real%x}
  real=\${real%"$NL"}
  [ -n "$real" ] || real=$1
}

skip_folder() { skipped="$skipped$N$1$N"; }

note_folder() { # folder without a slash at its end, depth
  case $skipped in *"$N$1$N"*) return ;; esac
  if [ $folders -ge ${maximumFolders + maximumSubfolders} ]; then
    frame folders
    return
  fi
  skip_folder "$1"
  eval "folder_$folders=\\$1 depth_$folders=\\$2"
  folders=$((folders + 1))
}

request_folder() {
  resolve "$1"
  frame named
  printf %s "$1"
  frame real
  printf %s "$real"
  status_of "$1"
  [ "$real" = / ] && real=
  # A pool whose folder is not there holds nothing.
  [ -d "$real/" ] || { [ -e "\${real:-/}" ] || ! [ -x "\${real%/*}/" ]; } || return
  note_folder "$real" 0
}

add_item() { # path, real path, kind, raw or nothing
  eval "path_$items=\\$1 real_$items=\\$2 kind_$items=\\$3 format_$items=\\$4"
  items=$((items + 1))
}

request() { # path, raw or nothing, alone or nothing
  resolve "$1"
  frame named
  printf %s "$1"
  frame real
  printf %s "$real"
  if [ -f "$real" ]; then kind=file
  elif [ -b "$real" ]; then kind=block
  elif [ -e "$real" ]; then kind=other
  else kind=absent
  fi
  parent=\${real%/*}
  case $kind in file | absent) [ -d "$parent/" ] && note_folder "$parent" 0 ;; esac
  case $kind in
    absent)
      # Not there, or not to be seen by this user: the words tell, also of a link that leads nowhere.
      frame kind absent $2
      frame info 2
      if [ -L "$real" ]; then ls -dL -- "$real" 2>&1
      else ls -d -- "$real" 2>&1
      fi
      return ;;
    other)
      frame kind other $2
      return ;;
  esac
  if [ "$2" ]; then
    raws="$raws$N$real$N"
  elif [ -z "$3" ] && [ $kind = file ] && [ "$real" = "$1" ] && [ -r "$real" ] && [ -r "$parent/" ]; then
    eval "deferred_$deferred=\\$real"
    deferred=$((deferred + 1))
    return
  fi
  add_item "$1" "$real" $kind "$2"
  [ -z "$have_stat" ] || status_of "$1"
}

status_of() {
  [ "$have_stat" ] || return 0
  frame status
  stat -L -c "$status_format" -- "$@"
} 2>/dev/null

read_heads() { # files: sets heads. /dev/null, since head names the files only where there are several
  heads=$(head -c 3 -- /dev/null "$@")
} 2>/dev/null

is_image() { # file, after read_heads; that a file's name can match as well does no harm
  case $heads in *"==> $1 <==\${NL}Q"[FE][ID]*) return 0 ;; esac
  return 1
}

sort_deferred() { # leaves to the folders what looking through them finds
  while [ $sorted -lt $deferred ]; do
    set --
    while [ $sorted -lt $deferred ] && [ $# -lt 64 ]; do
      eval "file=\\$deferred_$sorted"
      sorted=$((sorted + 1))
      set -- "$@" "$file"
    done
    read_heads "$@"
    for file in "$@"; do
      is_image "$file" || add_item "$file" "$file" file ''
    done
  done
}

look_at() { # files: examines those that begin like an image that can have a backing image
  read_heads "$@"
  case $heads in *Q[FE][ID]*) ;; *) return ;; esac
  for file in "$@"; do
    is_image "$file" || continue
    found=yes
    if [ -L "$file" ]; then
      request "$file" '' ''
      continue
    fi
    case $raws in *"$N$file$N"*) continue ;; esac
    eval "candidate_$candidates=\\$file"
    candidates=$((candidates + 1))
  done
}

take_candidates() { # leaves few of them to qemu-img, and prints the headers of many: of 3000 that takes 1 s instead of 20
  whole=
  if [ $((candidates - taken)) -gt ${maximumCandidates} ] && [ "$have_qemu_img" ] && [ "$have_stat" ]; then
    case $(printf QFI | base64 2>/dev/null) in UUZJ) ;; *) whole=yes ;; esac
  else
    whole=yes
  fi
  while [ $taken -lt $candidates ]; do
    set --
    while [ $taken -lt $candidates ] && [ $# -lt 64 ]; do
      eval "file=\\$candidate_$taken"
      taken=$((taken + 1))
      set -- "$@" "$file"
    done
    for file in "$@"; do
      if [ $whole ]; then
        add_item "$file" "$file" file ''
        continue
      fi
      frame named
      printf %s "$file"
      frame real
      printf %s "$file"
      frame header
    done
    if [ -z "$whole" ]; then
      frame headers
      head -q -c ${headerBytes} -- "$@" 2>/dev/null | base64
    fi
  done
}

consider() { # files that are new or changed
  for file in "$@"; do
    shift
    if ! [ -f "$file" ]; then continue
    elif [ -r "$file" ]; then set -- "$@" "$file"
    else frame locked
    fi
  done
  [ $# = 0 ] || look_at "$@"
}

df_of() {
  frame df
  df -P -k -- "$1/" 2>/dev/null
}

begin_folder() { # name of the frame, folder: not 0 where it cannot be listed
  frame $1
  printf %s "\${2:-/}"
  [ -r "$2/" ] && [ -x "$2/" ] && return 0
  frame unlisted
  return 1
}

entries_of() {
  [ "$have_stat" ] || return 0
  frame entries
  stat -c "$status_format" -- "\${1:-/}" "$1"/* "$1"/.[!.]* "$1"/..?*
} 2>/dev/null

list_folder() {
  begin_folder listing "$1" || return 0
  df_of "$1"
  entries_of "$1"
}

status_of_links() { # of what the links in a folder lead to, since its listing does not show when that changes
  while [ $links -gt 0 ]; do
    set --
    while [ $links -gt 0 ] && [ $# -lt 64 ]; do
      links=$((links - 1))
      eval "file=\\$link_$links"
      set -- "$@" "$file"
    done
    status_of "$@"
  done
}

scan_folders() {
  while [ $scanned -lt $folders ]; do
    eval "folder=\\$folder_$scanned depth=\\$depth_$scanned"
    scanned=$((scanned + 1))
    if ! begin_folder folder "$folder"; then
      [ $depth != 0 ] || df_of "$folder"
      continue
    fi
    [ $depth != 0 ] || df_of "$folder"
    entries_of "$folder"
    count=0
    closed=0
    closed_names=
    found=
    set --
    links=0
    for file in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
      if [ -L "$file" ] && [ $links -lt ${maximumFilesPerFolder} ]; then
        eval "link_$links=\\$file"
        links=$((links + 1))
      fi
      if ! [ -f "$file" ]; then
        # What lies directly in the root folder is the system.
        [ $depth -lt ${maximumDepth} ] && [ "$folder" ] && [ -d "$file" ] && ! [ -L "$file" ] || continue
        case \${file##*/} in .* | lost+found) continue ;; esac
        subfolders=$((subfolders + 1))
        if [ $subfolders -gt ${maximumSubfolders} ]; then frame subfolders
        else note_folder "$file" $((depth + 1))
        fi
        continue
      fi
      count=$((count + 1))
      if [ $count -gt ${maximumFilesPerFolder} ]; then
        frame cut
        break
      fi
      if ! [ -r "$file" ]; then
        case $raws in *"$N$file$N"*) continue ;; esac
        closed=$((closed + 1))
        [ $closed -gt 100 ] || closed_names="$closed_names$file$NL"
        continue
      fi
      set -- "$@" "$file"
      [ $# -lt 64 ] || { look_at "$@"; set --; }
    done
    [ $# = 0 ] || look_at "$@"
    status_of_links
    if [ $closed != 0 ]; then
      frame closed $closed
      printf %s "$closed_names"
    fi
    [ $depth = 0 ] || [ -z "$found" ] || df_of "$folder"
  done
}

ask() { # path, format: sets info and code; stderr is asked for only after a failure, so that warnings cannot mix with JSON
  info=$(limited qemu-img info $share $2 --output=json -- "$1" 2>/dev/null </dev/null)
  code=$?
  case $code in 0 | 124 | 137) return ;; esac
  info=$(limited qemu-img info $share $2 --output=json -- "$1" 2>&1 </dev/null)
  code=$?
  # Before QEMU 2.10 there were no image locks, and no -U.
  case $share$info in
    -U*"invalid option -- 'U'"* | -U*"unrecognized option '-U'"*) share=; ask "$1" "$2" ;;
  esac
}

work() { # first item, step: examines items and prints what is found; names what they depend on to file 3
  # Not 0 where not all could be written: the storage may be full, and what is not printed would seem not to be there.
  at=$1
  while [ $at -lt $items ]; do
    eval "path=\\$path_$at real=\\$real_$at kind=\\$kind_$at format=\\$format_$at"
    at=$((at + $2))
    frame named && printf %s "$path" && frame real && printf %s "$real" && frame kind $kind $format || return 1
    [ "$have_qemu_img" ] || continue
    ask "$path" "\${format:+-f $format}"
    frame info $code && printf %s "$info" || return 1
    [ $code = 0 ] || continue
    # A quotation mark inside a JSON string is escaped, so this text can only be the key itself.
    next=\${info#*'"full-backing-filename": "'}
    [ "$next" != "$info" ] || continue
    next=\${next%%'"'*}
    # Anything that is not a plain absolute path is left to the caller.
    case $next in *\\\\*) continue ;; /*) ;; *) continue ;; esac
    case $info in
      *'"backing-filename-format": "raw"'*)
        printf 'raw %s\\n' "$next" >&3 || return 1
        continue ;;
      *'"backing-filename-format": "qcow2"'*)
        # Looking through the folder finds it.
        [ "\${next%/*}" = "\${path%/*}" ] && [ "$path" = "$real" ] && [ -f "$next" ] && ! [ -L "$next" ] &&
          [ -r "$next" ] && [ -r "\${next%/*}/" ] && continue ;;
    esac
    printf ' %s\\n' "$next" >&3 || return 1
  done
  return 0
}

work_aside() { # number of the worker: as work, into files; a third one with something in it says that nothing is lost
  work $((first + $1)) $workers >"$work_folder/found.$1" 3>"$work_folder/next.$1" && echo done >"$work_folder/done.$1"
} 2>/dev/null

examine() {
  first=$examined
  examined=$items
  if make_work_folder; then
    worker=0
    while [ $worker -lt $workers ]; do
      rm -f "$work_folder/done.$worker"
      work_aside $worker &
      worker=$((worker + 1))
    done
    wait
    while [ $worker -gt 0 ]; do
      worker=$((worker - 1))
      [ -s "$work_folder/done.$worker" ] && continue
      # Storage is full. What the images depend on is asked for in another round.
      rm -rf -- "$work_folder"
      work $first 1 3>/dev/null
      return
    done
    cat "$work_folder"/found.*
    cat "$work_folder"/next.* >"$work_folder/follow"
    while IFS= read -r line; do
      case $seen in *"$N$line$N"*) continue ;; esac
      seen="$seen$N$line$N"
      request "\${line#* }" "\${line%% *}" ''
    done <"$work_folder/follow"
  else
    work $first 1 3>/dev/null
  fi
}

walk() {
  while :; do
    sort_deferred
    scan_folders
    [ $sorted = $deferred ] || continue
    take_candidates
    [ $examined -lt $items ] || break
    examine
  done
}
`;
