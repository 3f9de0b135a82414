/** A plan as text: what it does, to which files, what to know first, and what is there afterwards. */
import type { Inventory } from '../../../../shared/model/inventory.ts';
import type { DiskChain, Plan, PlanStep } from '../../../../shared/model/plan.ts';
import { differingArguments, foldSteps, type StepBlock } from '../../../../shared/rules/operations/fold-steps.ts';
import { planSentence } from '../../../../shared/rules/operations/plan-sentence.ts';
import { fitWords, freeWords, neededWords, roomFit } from '../../../../shared/rules/operations/room-words.ts';
import { shellLine, shellWord } from '../../../../shared/rules/text/shell-words.ts';
import { shown, shownSentence } from '../output.ts';
import type { Paint } from '../output.ts';
import { treeLines } from './tree-text.ts';
import { stateWords } from '../../../../shared/rules/text/state-words.ts';

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
    ...effectLines(step, null, paint),
  ];
}

/** What a step does to files, but for what `told` does too. */
function effectLines(step: PlanStep, told: PlanStep | null, paint: Paint): readonly string[] {
  return effects.flatMap(([verb, key]) =>
    step[key]
      .filter((path) => told?.[key].includes(path) !== true)
      .map((path) => {
        const line = `  ${verb} ${shown(path)}`;
        return key === 'deletes' || key === 'invalidates' ? paint('yellow', line) : line;
      }),
  );
}

/** Steps that are alike: the first of them whole, of the others what they do otherwise. */
function blockLines({ first, rest }: StepBlock, total: number, paint: Paint): readonly string[] {
  const last = rest.at(-1);
  if (!last) return [...stepLines(first, total, paint), ''];
  return [
    ...stepLines(first, total, paint),
    '',
    paint('bold', `Steps ${first.index + 2} to ${last.index + 1} of ${total} are alike, but for one argument:`),
    ...rest.flatMap((step) => {
      const differing = differingArguments(first, step).map((argument) =>
        paint('cyan', shownSentence(shellWord(argument))),
      );
      return [
        `  ${[`${step.index + 1}. ${shownSentence(step.title)}`, ...differing].join(': ')}`,
        ...effectLines(step, first, paint).map((line) => `   ${line}`),
      ];
    }),
    '',
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

/**
 * The lines of a plan.
 *
 * @param before what was read of the host; null where that is not at hand
 */
export function planLines(
  plan: Plan,
  before: Pick<Inventory, 'images' | 'vms'> | null,
  look: { readonly paint: Paint; readonly unicode: boolean },
): readonly string[] {
  const { paint } = look;
  const refused = plan.refusals.length > 0 || plan.steps.length === 0;
  const head = [
    paint('bold', shownSentence(plan.title)),
    ...(refused ? [] : [shownSentence(planSentence(plan, before))]),
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
  const chainLine = ({ target, imageIds }: DiskChain) =>
    `  ${shown(target)}: ${imageIds.map(shown).join(look.unicode ? ' → ' : ' -> ')}`;
  const { newVm } = plan.after;
  return [
    ...head,
    ...plan.warnings.map(({ message }) => `${paint('yellow', 'Warning:')} ${shownSentence(message)}`),
    ...(plan.warnings.length > 0 ? [''] : []),
    ...foldSteps(plan.steps).flatMap((block) => blockLines(block, plan.steps.length, paint)),
    ...spaceLines(plan, paint),
    ...(plan.expectedPause === null ? [] : [`Pause of the guest: ${shownSentence(plan.expectedPause)}`]),
    `Afterwards the VM is ${stateWords[plan.after.vmState]}:`,
    ...afterSnapshots.map((line) => `  ${line}`),
    ...plan.after.chains.map(chainLine),
    ...(newVm ? [`Afterwards there is the VM ${shown(newVm.name)} (${newVm.uuid}), shut off:`] : []),
    ...(newVm?.chains ?? []).map(chainLine),
  ];
}
