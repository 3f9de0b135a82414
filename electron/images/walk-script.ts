/** The shell script that examines images on a host: asked for by path, found by following chains and by looking round. */
import { quoteArgument } from '../hosts/quoting.ts';

export interface WalkRequest {
  /** Absolute. */
  readonly path: string;
  /**
   * True where the image is used as raw. It is then read as raw: a guest can write anything into a raw disk, also a
   * header that makes it look like an overlay of some file of the host.
   */
  readonly raw: boolean;
}

/** At most so many regular files are looked at in one folder. */
export const maximumFilesPerFolder = 5000;
const maximumFolders = 500;

/**
 * A script that prints, in frames, all about the images at `requests`, about every image that their chains reach by
 * plain absolute paths, and about every other qcow2 or qed image in the folders in which any of these lie: an overlay
 * that no VM names depends on its backing image all the same.
 *
 * Frames: `named` (body: a path as asked for or as recorded), `real` (the resolved path of it); then, for an image that
 * was not examined before, `kind file|block|other|absent` and `info EXIT-CODE` (JSON, or the error); `folder` (its path),
 * `df` (of that folder); `unlisted`, `cut`, `closed COUNT` (of that folder: could not be listed, had more files than
 * are looked at, had files that could not be opened); `noqemuimg`; `end`.
 *
 * Every image is examined on its own, since `--backing-chain` fails as a whole; with `-U`, since VMs may be running.
 *
 * @param scannedFolders folders that earlier rounds have looked through already
 */
export function walkScript(nonce: string, requests: readonly WalkRequest[], scannedFolders: readonly string[]): string {
  return [
    `N=${quoteArgument(nonce)}`,
    functions,
    ...scannedFolders.map((folder) => `skip_folder ${quoteArgument(folder)}`),
    ...requests.map(({ path, raw }) => `visit ${quoteArgument(path)} ${raw ? 'raw' : "''"}`),
    'scan_folders',
    'frame end',
    '',
  ].join('\n');
}

const functions = `
NL='
'
seen=
seen_folders=
folders=0
scanned=0
share=-U
limit=
command -v timeout >/dev/null 2>&1 && limit='timeout -k 2 20'
frame() { printf '\\n%s %s\\n' "$N" "$*"; }
have_qemu_img=yes
command -v qemu-img >/dev/null 2>&1 || { have_qemu_img=; frame noqemuimg; }

skip_folder() { seen_folders="$seen_folders$N$1$N"; }

note_folder() {
  case $seen_folders in *"$N$1$N"*) return ;; esac
  skip_folder "$1"
  folders=$((folders + 1))
  eval "folder_$folders=\\$1"
}

ask() { # path, format: sets info and code; stderr is asked for only after a failure, so that warnings cannot mix with JSON
  info=$($limit qemu-img info $share $2 --output=json -- "$1" 2>/dev/null </dev/null)
  code=$?
  case $code in 0 | 124 | 137) return ;; esac
  info=$($limit qemu-img info $share $2 --output=json -- "$1" 2>&1 </dev/null)
  code=$?
  # Before QEMU 2.10 there were no image locks, and no -U.
  case $share$info in
    -U*"invalid option -- 'U'"* | -U*"unrecognized option '-U'"*) share=; ask "$1" "$2" ;;
  esac
}

visit() { # path, raw or nothing
  path=$1
  format=$2
  while [ -n "$path" ]; do
    real=$(readlink -f -- "$path" 2>/dev/null && printf x)
    real=\${real%x}
    real=\${real%"$NL"}
    [ -n "$real" ] || real=$path
    frame named
    printf %s "$path"
    frame real
    printf %s "$real"
    case $seen in *"$N$real$N"*) return ;; esac
    seen="$seen$N$real$N"
    next=
    next_format=
    if [ -f "$real" ]; then kind=file
    elif [ -b "$real" ]; then kind=block
    elif [ -e "$real" ]; then kind=other
    else kind=absent
    fi
    frame kind $kind
    case $kind in file | absent) [ -d "\${real%/*}/" ] && note_folder "\${real%/*}" ;; esac
    if [ $kind = absent ]; then
      # Not there, or not to be seen by this user: the words tell. A name can also be a link that leads nowhere.
      frame info 2
      ls -d -- "$real" 2>&1
    elif [ $kind != other ] && [ $have_qemu_img ]; then
      ask "$path" "\${format:+-f $format}"
      frame info $code
      printf %s "$info"
      if [ $code = 0 ]; then
        # A quotation mark inside a JSON string is escaped, so this text can only be the key itself.
        next=\${info#*'"full-backing-filename": "'}
        if [ "$next" = "$info" ]; then next=; else next=\${next%%'"'*}; fi
        # Anything that is not a plain absolute path is left to the caller.
        case $next in *\\\\*) next= ;; /*) ;; *) next= ;; esac
        case $info in *'"backing-filename-format": "raw"'*) next_format=raw ;; esac
      fi
    fi
    path=$next
    format=$next_format
  done
}

look_at() { # files: visits those that begin like an image that can have a backing image
  # One process for all of them, since most are none; that a file's name can match as well does no harm.
  case $(head -c 3 -- "$@") in *QFI* | *QED*) ;; *) return ;; esac
  for candidate in "$@"; do
    case $(head -c 3 -- "$candidate") in QFI | QED) visit "$candidate" '' ;; esac
  done
} 2>/dev/null

scan_folders() {
  while [ $scanned -lt $folders ] && [ $scanned -lt ${maximumFolders} ]; do
    scanned=$((scanned + 1))
    eval "folder=\\$folder_$scanned"
    frame folder
    printf %s "\${folder:-/}"
    frame df
    df -P -k -- "$folder/" 2>/dev/null
    if ! [ -r "$folder/" ] || ! [ -x "$folder/" ]; then
      frame unlisted
      continue
    fi
    count=0
    closed=0
    set --
    for file in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
      [ -f "$file" ] && ! [ -L "$file" ] || continue
      count=$((count + 1))
      if [ $count -gt ${maximumFilesPerFolder} ]; then
        frame cut
        break
      fi
      case $seen in *"$N$file$N"*) continue ;; esac
      [ -r "$file" ] || { closed=$((closed + 1)); continue; }
      set -- "$@" "$file"
      [ $# -lt 64 ] || { look_at "$@"; set --; }
    done
    [ $# = 0 ] || look_at "$@"
    # The images above have frames of their own, so the folder is named again.
    frame folder
    printf %s "\${folder:-/}"
    [ $closed = 0 ] || frame closed $closed
  done
}
`;
