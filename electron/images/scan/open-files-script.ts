/**
 * Which files programs have open, in POSIX sh: a testimony of use that no definition gives. QEMU's programs (guests of every
 * user and hypervisor, qemu-nbd, qemu-img) lock what they open, and everybody may read the list of locks; of other programs
 * only who may look into their processes learns it.
 */
import { quoteArgument } from '../../hosts/commands/quoting.ts';

/**
 * Records from `stat -L -c '%d %i %f %t:%T %n'` over /proc/PID/fd/NUMBER → one line for each file or block device and process:
 * `file DEVICE INODE PID PROGRAM` or `block MAJOR:MINOR PID PROGRAM`.
 */
const awkOpen = String.raw`
$3 ~ /^8/ { what = "file " $1 " " $2 }
$3 ~ /^6/ { what = "block " $4 }
$3 !~ /^[68]/ { next }
{
  split($5, part, "/")
  pid = part[3]
  if ((what, pid) in seen) next
  seen[what, pid] = 1
  if (!(pid in program)) {
    name = ""
    comm = "/proc/" pid "/comm"
    if ((getline name < comm) < 0) name = ""
    close(comm)
    program[pid] = name
  }
  print what " " pid " " program[pid]
}
`;

/** Linux, fs/locks.c: number, kind, mode, access, process, device and inode; a line with an arrow is of one that waits. */
const awkLocks = String.raw`$2 == "OFDLCK" { print $6 }`;

export const openFilesFunctions = `
awk_open=${quoteArgument(awkOpen)}
awk_locks=${quoteArgument(awkLocks)}

locks() { # MAJOR:MINOR:INODE of files on which locks of QEMU's kind are held (of open files, not of processes)
  [ -r /proc/locks ] || return 0
  frame locks
  awk "$awk_locks" /proc/locks | sort -u
} 2>/dev/null

loops() { # files behind loop devices
  for file in /sys/block/loop*/loop/backing_file; do
    [ -r "$file" ] && IFS= read -r path <"$file" || continue
    file=\${file#/sys/block/}
    frame loop "/dev/\${file%%/*}"
    printf %s "$path"
    status_of "$path"
  done
} 2>/dev/null

processes() { # folders of those that are there
  frame processes
  printf '%s\\n' /proc/[0-9]*
}

open_files() { # folders of processes in /proc
  frame open
  for process in "$@"; do
    # One of another user.
    [ -r "$process/fd/" ] && printf '%s\\n' "$process"/fd/[0-9]*
  done | xargs stat -L -c '%d %i %f %t:%T %n' -- | awk "$awk_open"
} 2>/dev/null
`;
