/** A plan as text: what it does, to which files, what to know first, and what is there afterwards. */
import type { Plan, PlanStep } from '../../../../shared/model/plan.ts';
import { fitWords, freeWords, neededWords, roomFit } from '../../../../shared/rules/room-words.ts';
import { shellLine } from '../../../../shared/rules/shell-words.ts';
import { shown, shownSentence } from '../output.ts';
import type { Paint } from '../output.ts';
import { treeLines } from './tree-text.ts';
import { stateWords } from '../../../../shared/rules/state-words.ts';

const effects = [
  ['writes', 'writes'],
  ['creates', 'creates'],
  ['changes for others', 'invalidates'],
  ['deletes', 'deletes'],
] as const;

function stepLines(step: PlanStep, total: number, paint: Paint): readonly string[] {
  return [
    paint('bold', `Step ${step.index + 1} of ${total}: ${shownSentence(step.title)}`),
    `  ${paint('cyan', shownSentence(shellLine(step.argv)))}`,
    ...effects.flatMap(([verb, key]) =>
      step[key].map((path) => {
        const line = `  ${verb} ${shown(path)}`;
        return key === 'deletes' || key === 'invalidates' ? paint('yellow', line) : line;
      }),
    ),
  ];
}

function spaceLines({ rooms }: Plan, paint: Paint): readonly string[] {
  return rooms.map((room) => {
    const fit = roomFit(room);
    const words = fitWords[fit];
    const line = `Space: ${neededWords(room)}; ${freeWords(room)} in ${room.folders.map(shown).join(', ')}${words === null ? '' : `: ${words}`}`;
    return fit === 'tooLittle' ? paint('red', line) : fit === 'mayNotFit' ? paint('yellow', line) : line;
  });
}

/** The lines of a plan. */
export function planLines(plan: Plan, look: { readonly paint: Paint; readonly unicode: boolean }): readonly string[] {
  const { paint } = look;
  const refused = plan.refusals.length > 0 || plan.steps.length === 0;
  const head = [
    paint('bold', shownSentence(plan.title)),
    `VM ${shown(plan.vmName)} (${shown(plan.vmUuid)}) on ${shown(plan.hostName)}`,
    '',
  ];
  if (refused) {
    return [
      ...head,
      paint('red', 'Refused:'),
      ...plan.refusals.map(({ message }) => `  ${shownSentence(message)}`),
      ...(plan.refusals.length === 0 ? ['  There is nothing to do.'] : []),
    ];
  }
  const afterSnapshots = treeLines(
    {
      snapshots: plan.after.snapshots,
      currentSnapshotId: plan.after.currentSnapshotId,
      state: plan.after.vmState,
    },
    look,
  );
  return [
    ...head,
    ...plan.warnings.map(({ message }) => `${paint('yellow', 'Warning:')} ${shownSentence(message)}`),
    ...(plan.warnings.length > 0 ? [''] : []),
    ...plan.steps.flatMap((step) => [...stepLines(step, plan.steps.length, paint), '']),
    ...spaceLines(plan, paint),
    ...(plan.expectedPause === null ? [] : [`Pause of the guest: ${shownSentence(plan.expectedPause)}`]),
    `Afterwards the VM is ${stateWords[plan.after.vmState]}:`,
    ...afterSnapshots.map((line) => `  ${line}`),
    ...plan.after.chains.map(
      ({ target, imageIds }) => `  ${shown(target)}: ${imageIds.map(shown).join(look.unicode ? ' → ' : ' -> ')}`,
    ),
  ];
}
