import type { Expectation, PlanRoom, PlanStep } from '../../../shared/model/plan.ts';
import { lookingStep } from './looking-step.ts';

const title = 'Check that there is still enough room';

/** Whether a step is of `roomIsThere`. */
export function looksForRoom(step: Pick<PlanStep, 'title' | 'onlyLooks'>): boolean {
  return step.onlyLooks === true && step.title === title;
}

/**
 * Looks whether there is still as much room on each file system as the plan found, right before it is used: where all that may be
 * needed at most was free, that; where only what is likely was, that. Where not even that was, the plan has said so, and nothing is
 * asked for. Where the free bytes were not read, what is likely must be there, and a folder that cannot be looked into stands in no way.
 * Folders count together that turn out to be on one file system.
 *
 * @param verify what holds before and after
 */
export function roomIsThere(rooms: readonly PlanRoom[], verify: Expectation[]): readonly Omit<PlanStep, 'index'>[] {
  const words = rooms.flatMap((room) => {
    const bytes = bytesOf(room, measureOf(room));
    return bytes === 0 ? [] : [room.folders[0] ?? '', kibibytes(bytes), room.freeBytes === null ? 'maybe' : 'surely'];
  });
  return words.length === 0 ? [] : [lookingStep({ title, script, words, reads: [], verify })];
}

/**
 * The same before one merge of several, for the image that it makes larger alone: others may have used meanwhile what was free. It
 * is there whatever the figures are, so that a plan that is made again has it as well.
 *
 * @param room of this merge
 * @param rooms of all merges of the plan, which decide whether all that may be needed counts, or only what is likely
 */
export function roomIsStillThere(room: PlanRoom, rooms: readonly PlanRoom[]): Omit<PlanStep, 'index'> {
  const folder = room.folders[0] ?? '';
  const whole = rooms.find(({ folders }) => folders.includes(folder)) ?? room;
  const words = [folder, kibibytes(bytesOf(room, measureOf(whole))), 'maybe'];
  // The merges before it have changed which layers are active.
  return lookingStep({ title, script, words, reads: [], verify: [] });
}

/** What of a room was free: all that may be needed, or only what is likely; null where not even that was. */
function measureOf({ likelyBytes, atMostBytes, freeBytes }: PlanRoom): 'most' | 'likely' | null {
  if (freeBytes === null) return likelyBytes === null ? 'most' : 'likely';
  if (atMostBytes !== null && atMostBytes <= freeBytes) return 'most';
  return likelyBytes !== null && likelyBytes <= freeBytes ? 'likely' : null;
}

function bytesOf({ likelyBytes, atMostBytes }: PlanRoom, measure: 'most' | 'likely' | null): number {
  return { most: atMostBytes, likely: likelyBytes, none: 0 }[measure ?? 'none'] ?? 0;
}

const kibibytes = (bytes: number): string => String(Math.ceil(bytes / 1024));

/** The name of a device and that of a mount point may have spaces in them; the numbers between them do not. */
const script = `
found=$(
  while [ "$#" -gt 2 ]; do
    if device=$(stat -L -c %d -- "$1/") && free=$(df -Pk -- "$1/" | awk 'NR == 2 && match($0, / [0-9]+ +[0-9]+% /) { print substr($0, RSTART) + 0 }') && [ -n "$free" ]; then
      printf '%s %s %s %s\\n' "$device" "$free" "$2" "$1"
    elif [ "$3" = surely ]; then
      printf '%s\\n' "How much is free in $1 cannot be read any more." >&2
      exit 1
    fi
    shift 3
  done
) || exit 1
all=
while read -r device free needed folder; do
  [ -n "$device" ] || continue
  all="$all $device:$needed"
  sum=0
  for each in $all; do [ "\${each%%:*}" != "$device" ] || sum=$((sum + \${each##*:})); done
  if [ "$free" -lt "$sum" ]; then
    printf '%s\\n' "$folder has only $free KiB free now, and $sum KiB are to be there." >&2
    exit 1
  fi
done <<FOUND
$found
FOUND
`.trim();
