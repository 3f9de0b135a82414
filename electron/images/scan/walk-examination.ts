/** The part of the walk script that examines images with qemu-img and follows what they hang on, in POSIX sh. */
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { awkFollow } from './walk-awk.ts';

/** `add_item` says what is to be examined; `examine` does it, several at a time, and requests what these images lead to. */
export const examinationFunctions = `
awk_follow=${quoteArgument(awkFollow)}
items=0
examined=0
share=-U
share_known=
limited() { "$@"; }
if command -v timeout >/dev/null 2>&1; then limited() { timeout -k 2 20 "$@"; }; fi
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

add_item() { # path, real path, kind, raw or nothing
  eval "path_$items=\\$1 real_$items=\\$2 kind_$items=\\$3 format_$items=\\$4"
  items=$((items + 1))
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
`;
