/** The part of the walk script that looks through folders for images, in POSIX sh. */
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { awkPick } from './walk-awk.ts';
import {
  headerBytes,
  maximumCandidates,
  maximumDepth,
  maximumFilesPerFolder,
  maximumFolders,
  maximumSubfolders,
} from './walk-limits.ts';

/** `note_folder` says where to look; `scan_folders` does it, and `take_candidates` tells what was found there and looks like an image. */
export const folderFunctions = `
awk_pick=${quoteArgument(awkPick)}
raws=0
skipped=0
noted=0
joined=0
last_noted=
folders=0
scanned=0
subfolders=0
candidates=0
taken=0

skip_folder() { # folder without a slash at its end
  eval "skipped_$skipped=\\$1"
  skipped=$((skipped + 1))
}

is_of_kernel() { # path: whether it lies where the kernel shows itself, and nobody can keep an image; in /dev root can
  case $1/ in /proc/* | /sys/*) return 0 ;; esac
  return 1
}

note_folder() { # folder without a slash at its end, depth: it is looked through, unless it was
  # Most images lie in the folder of the one before.
  [ "$1/" != "$last_noted" ] || return 0
  last_noted=$1/
  ! is_of_kernel "$1" || return 0
  eval "noted_$noted=\\$1 noted_depth_$noted=\\$2"
  noted=$((noted + 1))
}

records_of() { # kind of variable, number of the first, of the one behind the last, yes or nothing: records, with their numbers
  record=$2
  while [ $record -lt $3 ]; do
    eval "text=\\$$1_$record"
    printf '%s\\n%s\\n' "$N\${4:+ $record}" "$text"
    record=$((record + 1))
  done
}

pick() { # new or known: from records, the numbers of those with a path that no record before has, or that one has
  awk -v N="$N" -v PICK=$1 "$awk_pick"
}

join_folders() { # takes the folders that were noted among those to look through, each once
  [ $noted -gt $joined ] || return 0
  for number in $({ records_of skipped 0 $skipped; records_of folder 0 $folders; records_of noted $joined $noted yes; } | pick new); do
    if [ $folders -ge ${maximumFolders + maximumSubfolders} ]; then
      frame folders
      break
    fi
    eval "folder_$folders=\\$noted_$number depth_$folders=\\$noted_depth_$number"
    folders=$((folders + 1))
  done
  joined=$noted
}

begin_folder() { # name of the frame, folder: not 0 where it cannot be listed
  frame $1
  printf %s "\${2:-/}"
  [ -r "$2/" ] && [ -x "$2/" ] && return 0
  frame unlisted
  return 1
}

df_of() {
  frame df
  df -P -k -- "$1/" 2>/dev/null
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

saved_memory() { # file: its beginning, which is a header and the definition of a VM where libvirt saved memory there
  frame saved
  printf '%s\\n' "$1"
  head -c ${headerBytes} -- "$1" | LC_ALL=C tr -cd '[:print:]\\n'
} 2>/dev/null

look_at() { # files: examines those that begin like an image that can have a backing image, and tells of memory that was saved
  for number in $(tell_saved=yes; numbers_of_images "$@"); do
    eval "file=\\\${\${number#-}}"
    if [ "$number" != "\${number#-}" ]; then
      [ -L "$file" ] || saved_memory "$file"
      continue
    fi
    found=yes
    if [ -L "$file" ]; then
      request "$file" '' ''
      continue
    fi
    eval "candidate_$candidates=\\$file"
    candidates=$((candidates + 1))
  done
}

scan_folders() {
  while [ $scanned -lt $folders ] || { join_folders; [ $scanned -lt $folders ]; }; do
    eval "folder=\\$folder_$scanned depth=\\$depth_$scanned"
    scanned=$((scanned + 1))
    if ! begin_folder folder "$folder"; then
      [ $depth != 0 ] || df_of "$folder"
      continue
    fi
    [ $depth != 0 ] || df_of "$folder"
    entries_of "$folder"
    count=0
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
        frame closed
        printf %s "$file"
        continue
      fi
      set -- "$@" "$file"
      [ $# -lt 64 ] || { look_at "$@"; set --; }
    done
    [ $# = 0 ] || look_at "$@"
    status_of_links
    [ $depth = 0 ] || [ -z "$found" ] || df_of "$folder"
  done
}

leave_out_raw() { # of the candidates: what was asked for as raw
  [ $raws -gt 0 ] && [ $taken -lt $candidates ] || return 0
  for number in $({ records_of raw 0 $raws; records_of candidate $taken $candidates yes; } | pick known); do
    eval "candidate_$number="
  done
}

numbers_with_snapshots() { # files: the numbers of those whose headers tell of internal snapshots, from 1
  # Behind one that is shorter than a header they are wrong, and what qemu-img was not asked is asked in another round.
  head -q -c 64 -- "$@" | od -A n -v -t x1 | awk 'NR % 4 == 0 && $13 $14 $15 $16 != "00000000" { print NR / 4 }'
} 2>/dev/null

take_candidates() { # leaves few of them to qemu-img, and prints the headers of many: of 3000 that takes 1 s instead of 20
  leave_out_raw
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
      [ -z "$file" ] || set -- "$@" "$file"
    done
    # Only qemu-img tells which internal snapshots there are.
    [ "$whole" ] || [ $# = 0 ] || for number in $(numbers_with_snapshots "$@"); do eval "holds_$number=yes"; done
    at=0
    for file in "$@"; do
      shift
      at=$((at + 1))
      eval "holds=\\$holds_$at holds_$at="
      if [ "$whole$holds" ]; then
        add_item "$file" "$file" file ''
        continue
      fi
      set -- "$@" "$file"
      frame named
      printf %s "$file"
      frame real
      printf %s "$file"
      frame header
    done
    if [ $# != 0 ]; then
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
`;
