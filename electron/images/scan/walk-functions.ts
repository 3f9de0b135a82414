/** The functions of the walk script, in POSIX sh. What is decided over what tools print is decided in walk-awk.ts. */
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { awkFollow, awkHeads, awkPick } from './walk-awk.ts';
import {
  headerBytes,
  maximumCandidates,
  maximumDepth,
  maximumFilesPerFolder,
  maximumFolders,
  maximumSubfolders,
} from './walk-limits.ts';

export const walkFunctions = `
NL='
'
awk_heads=${quoteArgument(awkHeads)}
awk_pick=${quoteArgument(awkPick)}
awk_follow=${quoteArgument(awkFollow)}
raws=0
skipped=0
noted=0
joined=0
last_noted=
folders=0
scanned=0
subfolders=0
deferred=0
sorted=0
suspects=0
cleared=0
candidates=0
taken=0
items=0
examined=0
last_parent=
last_real=
share=-U
share_known=
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
  : >"$work_folder/followed"
  : >"$work_folder/spelled"
}

resolve() { # path: sets real, and spelled: the path with its folder resolved, from which relative names lead to the same
  name=\${1##*/}
  parent=\${1%/*}
  spelled=$1
  case $name in '' | . | ..) name= ;; esac
  if [ "$name" ]; then
    # No process for each of thousands of paths: most lie in the folder of the one before.
    if [ "$parent/" != "$last_parent" ]; then
      last_parent=
      if cd -P -- "$parent/" 2>/dev/null; then
        last_parent=$parent/
        last_real=\${PWD%/}
      fi
    fi
    if [ "$last_parent" ]; then
      spelled=$last_real/$name
      real=$spelled
      [ -L "$spelled" ] || return 0
    fi
  fi
  real=$(readlink -f -- "$1" 2>/dev/null && printf x)
  real=\${real%x}
  real=\${real%"$NL"}
  [ -n "$real" ] || real=$1
}

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

name_path() { # path: tells what it leads to
  resolve "$1"
  frame named
  printf %s "$1"
  frame real
  printf %s "$real"
  [ "$spelled" = "$1" ] || { frame spelled; printf %s "$spelled"; }
}

request() { # path, raw or nothing, alone or nothing
  name_path "$1"
  asked=$1
  set -- "$spelled" "$2" "$3"
  if [ -f "$real" ] && is_of_kernel "$real"; then kind=other
  elif [ -f "$real" ]; then kind=file
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
      frame info
      if [ -L "$real" ]; then ls -dL -- "$real" 2>&1
      else ls -d -- "$real" 2>&1
      fi
      frame exit 2
      return ;;
    other)
      frame kind other $2
      return ;;
  esac
  if [ "$2" ]; then
    eval "raw_$raws=\\$real"
    raws=$((raws + 1))
    eval "suspect_$suspects=\\$1 suspect_real_$suspects=\\$real suspect_kind_$suspects=\\$kind"
    suspects=$((suspects + 1))
  elif [ -z "$3" ] && [ $kind = file ] && [ "$real" = "$1" ] && [ -r "$real" ] && [ -r "$parent/" ]; then
    eval "deferred_$deferred=\\$real"
    deferred=$((deferred + 1))
    [ "$asked" = "$1" ] || status_of "$asked"
    return
  fi
  add_item "$1" "$real" $kind "$2"
  [ -z "$have_stat" ] || status_of "$1" "$asked"
}

status_of() {
  [ "$have_stat" ] || return 0
  frame status
  stat -L -c "$status_format" -- "$@"
} 2>/dev/null

numbers_of_images() { # files: the numbers of those that begin like an image that can have a backing image, from 1
  # A name with line breaks cannot be told from what head prints.
  at=0
  for file in "$@"; do
    shift
    at=$((at + 1))
    case $file in
      *"$NL"*)
        case $(head -c 3 -- "$file") in Q[FE][ID]) printf '%s\\n' $at ;; esac
        file= ;;
    esac
    set -- "$@" "$file"
  done
  # /dev/null, since head names the files only where there are several.
  { printf '%s\\n' "$@" "$N"; head -c 3 -- /dev/null "$@"; } | awk -v N="$N" "$awk_heads"
} 2>/dev/null

sort_suspects() { # what is used as raw and begins like an image that can have a backing image is examined as that as well
  while [ $cleared -lt $suspects ]; do
    before=$((cleared - 1))
    set --
    while [ $cleared -lt $suspects ] && [ $# -lt 64 ]; do
      eval "file=\\$suspect_real_$cleared"
      cleared=$((cleared + 1))
      set -- "$@" "$file"
    done
    for number in $(numbers_of_images "$@"); do
      number=$((before + number))
      eval "add_item \\"\\$suspect_$number\\" \\"\\$suspect_real_$number\\" \\$suspect_kind_$number ''"
    done
  done
}

sort_deferred() { # leaves to the folders what looking through them finds
  while [ $sorted -lt $deferred ]; do
    set --
    while [ $sorted -lt $deferred ] && [ $# -lt 64 ]; do
      eval "file=\\$deferred_$sorted"
      sorted=$((sorted + 1))
      set -- "$@" "$file"
    done
    for number in $(numbers_of_images "$@"); do eval "begins_$number=yes"; done
    at=0
    for file in "$@"; do
      at=$((at + 1))
      eval "begins=\\$begins_$at begins_$at="
      [ "$begins" ] || add_item "$file" "$file" file ''
    done
  done
}

look_at() { # files: examines those that begin like an image that can have a backing image
  for number in $(numbers_of_images "$@"); do
    eval "file=\\\${$number}"
    found=yes
    if [ -L "$file" ]; then
      request "$file" '' ''
      continue
    fi
    eval "candidate_$candidates=\\$file"
    candidates=$((candidates + 1))
  done
}

request_images() { # alone or nothing, paths that somebody names, whatever for: asks for those that begin like an image
  named_alone=$1
  shift
  for file in "$@"; do
    shift
    # Nothing else is opened: a pipe would wait for ever.
    { [ -f "$file" ] || [ -b "$file" ]; } && [ -r "$file" ] || continue
    set -- "$@" "$file"
  done
  [ $# != 0 ] || return 0
  for number in $(numbers_of_images "$@"); do
    eval "file=\\\${$number}"
    request "$file" '' "$named_alone"
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

df_of() {
  frame df
  df -P -k -- "$1/" 2>/dev/null
}

look_for() { # paths: whether something is there
  for file in "$@"; do
    if [ -d "$file" ]; then state=folder
    elif { [ -f "$file" ] || [ -b "$file" ]; } && ! [ -r "$file" ]; then state=sealed
    elif [ -e "$file" ]; then state=file
    else
      state=nothing
      parent=$file
      # The nearest folder above that can be seen tells: what lies in one that cannot be entered is not seen.
      while [ "$parent" ]; do
        parent=\${parent%/*}
        [ -d "$parent/" ] || continue
        [ -x "$parent/" ] || state=hidden
        break
      done
    fi
    frame there $state
    printf %s "$file"
  done
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

ask() { # path, format: prints what qemu-img says; where it fails, again with its words, which cannot mix with JSON this way
  frame info
  limited qemu-img info $share $2 --output=json -- "$1" 2>/dev/null </dev/null
  code=$?
  frame exit $code
  case $code in 0 | 124 | 137) return ;; esac
  learn_share
  frame info
  limited qemu-img info $share $2 --output=json -- "$1" 2>&1 </dev/null
  frame exit $?
}

learn_share() { # before QEMU 2.10 there were no image locks, and no -U
  [ -z "$share_known" ] || return 0
  share_known=yes
  limited qemu-img info -U 2>&1 </dev/null | grep -q -e "invalid option -- 'U'" -e "unrecognized option '-U'" && share=
}

work() { # first item, step: examines items and prints what is found
  # Not 0 where not all could be written: the storage may be full, and what is not printed would seem not to be there.
  at=$1
  while [ $at -lt $items ]; do
    eval "path=\\$path_$at real=\\$real_$at kind=\\$kind_$at format=\\$format_$at"
    at=$((at + $2))
    frame named && printf %s "$path" && frame real && printf %s "$real" && frame kind $kind $format || return 1
    [ "$have_qemu_img" ] || continue
    ask "$path" "\${format:+-f $format}" || return 1
  done
  return 0
}

work_aside() { # number of the worker: as work, into files; a second one with something in it says that nothing is lost
  : >"$work_folder/done.$1"
  work $((first + $1)) $count >"$work_folder/found.$1" && echo done >"$work_folder/done.$1"
} 2>/dev/null

is_spelled_again() { # use, path: an image that names itself by “../folder/name” has another path each time
  resolve "$2"
  [ "$spelled" != "$2" ] || return 1
  case $1 in *' raw') again="raw $spelled" ;; *) again=" $spelled" ;; esac
  grep -Fqx -e "$again" "$work_folder/spelled" && return 0
  printf '%s\\n' "$again" >>"$work_folder/spelled"
  return 1
}

follow() { # how the image is used, path
  if is_spelled_again "$1" "$2"; then
    name_path "$2"
    return
  fi
  case $1 in
    *' raw') request "$2" raw '' ;;
    *' beside')
      [ -f "$2" ] && ! [ -L "$2" ] && [ -r "$2" ] && [ -r "\${2%/*}/" ] || request "$2" '' '' ;;
    *) request "$2" '' '' ;;
  esac
}

examine() {
  first=$examined
  examined=$items
  if ! make_work_folder; then
    work $first 1
    return
  fi
  count=$((items - first))
  [ $count -le $workers ] || count=$workers
  worker=1
  while [ $worker -lt $count ]; do
    work_aside $worker &
    worker=$((worker + 1))
  done
  work_aside 0
  wait
  set --
  while [ $worker -gt 0 ]; do
    worker=$((worker - 1))
    if ! [ -s "$work_folder/done.$worker" ]; then
      # Storage is full. What the images depend on is asked for in another round.
      rm -rf -- "$work_folder"
      work $first 1
      return
    fi
    set -- "$@" "$work_folder/found.$worker"
  done
  cat -- "$@"
  awk -v N="$N" "$awk_follow" "$work_folder/followed" "$@" >"$work_folder/follow"
  while IFS= read -r use && IFS= read -r path; do
    printf '%s\\n%s\\n' "$use" "$path" >>"$work_folder/followed"
    follow "$use" "$path"
  done <"$work_folder/follow"
}

walk() {
  while :; do
    sort_suspects
    sort_deferred
    scan_folders
    [ $sorted = $deferred ] || continue
    take_candidates
    [ $examined -lt $items ] || break
    examine
  done
}
`;
