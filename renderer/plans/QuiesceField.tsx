import { useEffect } from 'react';
import type { GuestAgent } from '../../shared/model/guest-agent.ts';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import { agentObstacle, stateObstacle } from '../../shared/rules/snapshots/quiesce.ts';
import { CheckboxLine } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';

/** What is known of freezing a guest's file systems. */
export interface Quiescing {
  /** Whether they can be frozen now; null as long as that is not known. */
  readonly possible: boolean | null;
  /** About it, in a sentence or two. */
  readonly words: string;
}

const meaning =
  'What programs have written to files is in the snapshot, complete. Whatever writes in the guest waits for a second or two. What databases keep back themselves is not in it, unless the agent has a hook for that.';

/** Asks the agent in the guest, where one could answer, once the answer is wanted. */
export function useQuiescing(hostId: string, vm: ReadableVm, isWanted: boolean): Quiescing {
  const asking = useRequest('guests.askAgent');
  const { send } = asking;
  const byState = stateObstacle(vm);
  const { uuid } = vm;
  const isToBeAsked = isWanted && byState === null;
  useEffect(() => {
    if (isToBeAsked) void send({ hostId, vmUuid: uuid });
  }, [send, hostId, uuid, isToBeAsked]);

  if (byState) return { possible: false, words: byState.message };
  if (asking.error) return { possible: false, words: `The guest agent could not be asked. ${asking.error.message}` };
  if (!asking.value) return { possible: null, words: 'Asking the guest agent…' };
  return fromAnswer(vm, asking.value.agent);
}

function fromAnswer(vm: ReadableVm, agent: GuestAgent | null): Quiescing {
  if (!agent) return { possible: false, words: 'There are no guest agents on this kind of host.' };
  const obstacle = agentObstacle(vm, agent);
  if (obstacle) return { possible: false, words: `${obstacle.message} ${obstacle.remedy}` };
  const { fileSystems } = agent;
  const some = fileSystems.slice(0, 8).join(', ') + (fileSystems.length > 8 ? ' and more' : '');
  return { possible: true, words: fileSystems.length === 0 ? meaning : `The agent names ${some}. ${meaning}` };
}

/** The box that says whether the guest's file systems are frozen for the snapshot. */
export function QuiesceField({
  quiescing: { possible, words },
  selected,
  onChange,
}: {
  readonly quiescing: Quiescing;
  readonly selected: boolean;
  readonly onChange: (selected: boolean) => void;
}) {
  return (
    <CheckboxLine
      selected={possible === true && selected}
      onChange={onChange}
      disabled={possible !== true}
      description={<HostText text={words} />}
    >
      Freeze the file systems of the guest meanwhile
    </CheckboxLine>
  );
}
