/** Whether the file systems of a guest can be frozen for a snapshot: by the same words in the window and in the plan. Pure. */
import type { GuestAgent } from '../../model/guest-agent.ts';
import type { ReadableVm } from '../../model/inventory.ts';

export interface QuiesceObstacle {
  readonly code: string;
  /** Why not, in a sentence. */
  readonly message: string;
  /** What to do, in a sentence. */
  readonly remedy: string;
}

/** What speaks against freezing by the state of the VM alone; null where the agent has to be asked. */
export function stateObstacle({ name, state }: Pick<ReadableVm, 'name' | 'state'>): QuiesceObstacle | null {
  if (state === 'shutoff') {
    return {
      code: 'nothingToFreeze',
      message: `${name} is shut off: nothing writes to its disks, so there is nothing to freeze.`,
      remedy: 'Take the snapshot without freezing.',
    };
  }
  if (state === 'running' || state === 'idle') return null;
  return {
    code: 'agentStandsStill',
    message: `${name} does not run now, so the agent in it cannot freeze anything.`,
    remedy: 'Let it run, or take the snapshot without freezing.',
  };
}

/** Why the agent of a VM cannot freeze its file systems now; null where it can. */
export function agentObstacle(
  { name, uuid }: Pick<ReadableVm, 'name' | 'uuid'>,
  { state, detail }: GuestAgent,
): QuiesceObstacle | null {
  const said = detail === null ? '' : ` (${detail})`;
  switch (state) {
    case 'ready':
      return null;
    case 'noChannel':
      return {
        code: 'noAgentChannel',
        message: `${name} has no channel for a guest agent (org.qemu.guest_agent.0).`,
        remedy: 'Add one to its definition and install qemu-guest-agent in the guest.',
      };
    case 'notConnected':
      return {
        code: 'agentNotConnected',
        message: `No guest agent runs in ${name}: its channel is there, but nothing in the guest has opened it.`,
        remedy: 'Install and start qemu-guest-agent in the guest.',
      };
    case 'silent':
      return {
        code: 'agentSilent',
        message: `The guest agent of ${name} does not answer${said}.`,
        remedy: 'Look after it in the guest (restart qemu-guest-agent).',
      };
    case 'unable':
      return {
        code: 'agentCannotFreeze',
        message: `The guest agent of ${name} cannot freeze file systems${said}.`,
        remedy: 'Allow it in the guest (guest-fsfreeze-freeze in the configuration of qemu-ga), or use a newer one.',
      };
    case 'frozen':
      return {
        code: 'frozenAlready',
        message: `The file systems of ${name} are frozen already, by a backup or by somebody else.`,
        remedy: `Wait until that has ended. Where nothing is left that would thaw them, run: virsh domfsthaw ${uuid}`,
      };
  }
}
