/** Freezing the file systems of a guest for an external snapshot, as part of its plan. Pure. */
import type { PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { agentObstacle, stateObstacle } from '../../../../../shared/rules/snapshots/quiesce.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import type { CreateRequest } from './plan-create-rules.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { quiescedArgv, thawArgv } from './quiesce-script.ts';

type Step = Omit<PlanStep, 'index'>;

const group = 'quiesce';

/** What speaks against freezing. Where the agent was not asked, as when a plan is made again, its word is that of the step. */
export function quiesceRefusals(request: CreateRequest, { vm, guestAgent }: LibvirtContext): PlanNote[] {
  if (request.quiesce !== true) return [];
  if (request.kind === 'internal' || request.memoryFile !== undefined) {
    return [
      note(
        'quiesceWithMemory',
        'With its memory in the snapshot the guest goes on from where it was, and nothing has to be frozen. Leave the freezing out.',
      ),
    ];
  }
  const obstacle = stateObstacle(vm) ?? (guestAgent === null ? null : agentObstacle(vm, guestAgent));
  if (obstacle === null) return [];
  return [note(obstacle.code, `${obstacle.message} ${obstacle.remedy} ${withoutIt(obstacle.code)}`.trim(), [vm.name])];
}

function withoutIt(code: string): string {
  return code === 'nothingToFreeze' || code === 'agentStandsStill'
    ? ''
    : 'Or take the snapshot without freezing; going back to it is then like starting after a power cut.';
}

/** What a snapshot without memory of a VM that runs is worth. */
export function withoutMemoryWarning(request: CreateRequest, { guestAgent }: LibvirtContext): PlanNote {
  if (request.quiesce !== true) {
    return note(
      'withoutMemory',
      'The memory of the running guest is not part of an external disk-only snapshot: going back to it is like starting after a power cut.',
    );
  }
  const names = guestAgent?.fileSystems ?? [];
  const told = names.slice(0, 8);
  const which = names.length === 0 ? '' : ` (${listed(told)}${names.length > 8 ? ' and more' : ''})`;
  return note(
    'quiesced',
    `The file systems of the guest${which} are frozen while the snapshot is taken: what programs have written to files is in it, complete. The memory is not: going back is like a start after the guest was shut off, except for programs that keep data back themselves, such as databases without a hook in the agent.`,
    names,
    told,
  );
}

/** How long programs in the guest wait. */
export const quiescePause =
  'Whatever writes in the guest waits from the freeze until the disks have moved to the new overlays: a second or two, and up to a minute where the guest has much to write out first.';

/** The step that takes the snapshot, and the one that makes sure that nothing stays frozen. */
export function quiescedSteps(create: Step, context: LibvirtContext): readonly Step[] {
  const ofVm = { uri: context.uri, vmUuid: context.vm.uuid };
  const title = `${create.title.charAt(0).toLowerCase()}${create.title.slice(1)}`;
  return [
    {
      ...create,
      title: `Freeze the file systems of the guest, ${title}, and thaw them`,
      // Behind `virsh -c URI`.
      argv: quiescedArgv(ofVm, create.argv.slice(3)),
      group,
      whenInterrupted: 'undo',
    },
    thawStep(context),
  ];
}

function thawStep({ uri, vm }: LibvirtContext): Step {
  return {
    title: 'Make sure that nothing in the guest stays frozen',
    argv: thawArgv({ uri, vmUuid: vm.uuid }),
    ...touchesNothing,
    verify: [],
    ...plainStep,
    group,
    cancellation: 'never',
    whenInterrupted: 'redo',
    runs: 'always',
  };
}

/** Cut off behind the snapshot: what is left is to look whether something is still frozen. Null where it is not so. */
export function thawIsLeft(request: CreateRequest, context: LibvirtContext): readonly Step[] | null {
  const [left, ...others] = context.rest;
  return request.quiesce === true && others.length === 0 && left?.runs === 'always' ? [thawStep(context)] : null;
}
