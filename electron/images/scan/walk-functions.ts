/** The functions of the walk script, in POSIX sh. What is decided over what tools print is decided in walk-awk.ts. */
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { awkHeads } from './walk-awk.ts';
import { examinationFunctions } from './walk-examination.ts';
import { folderFunctions } from './walk-folders.ts';

/** What all parts use: frames, paths, status, and which files begin like an image. */
const commonFunctions = `
NL='
'
awk_heads=${quoteArgument(awkHeads)}
last_parent=
last_real=
frame() { printf '\\n%s %s\\n' "$N" "$*"; }
tell_saved=
have_qemu_img=yes
command -v qemu-img >/dev/null 2>&1 || { have_qemu_img=; frame noqemuimg; }
# BusyBox knows these fields as well; where stat knows no -c, nothing is told from them.
status_format="$N-s %d %i %f %h %t %T %s %b %Y %y|%z|%n"
have_stat=
case $(stat -c '%d %i %f' / 2>/dev/null) in [0-9]*' '[0-9]*' '4*) have_stat=yes ;; *) frame nostat ;; esac

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

status_of() {
  [ "$have_stat" ] || return 0
  frame status
  stat -L -c "$status_format" -- "$@"
} 2>/dev/null

numbers_of_images() { # files: the numbers of those that begin like an image that can have a backing image, from 1; see awk_heads
  # A name with line breaks cannot be told from what head prints.
  at=0
  for file in "$@"; do
    shift
    at=$((at + 1))
    case $file in
      *"$NL"*)
        case $(head -c 3 -- "$file") in
          Q[FE][ID]) printf '%s\\n' $at ;;
          Lib) [ -z "$tell_saved" ] || printf '%s\\n' -$at ;;
        esac
        file= ;;
    esac
    set -- "$@" "$file"
  done
  # /dev/null, since head names the files only where there are several.
  { printf '%s\\n' "$@" "$N"; head -c 3 -- /dev/null "$@"; } | awk -v N="$N" -v SAVED=$tell_saved "$awk_heads"
} 2>/dev/null
`;

/** What is asked for by its path. */
const requestFunctions = `
deferred=0
sorted=0
suspects=0
cleared=0

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

request_images() { # alone or nothing, paths that somebody names, whatever for: asks for those that begin like an image
  named_alone=$1
  shift
  for file in "$@"; do
    shift
    # What lies in a folder that somebody names can be in use without a name.
    [ -d "$file" ] && name_path "$file"
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
`;

const walkFunction = `
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

export const walkFunctions = [
  commonFunctions,
  folderFunctions,
  requestFunctions,
  examinationFunctions,
  walkFunction,
].join('');
