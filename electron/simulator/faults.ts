/** What tests tell a simulated host to do wrong. */

/** What goes wrong with a command as the SSH server gets it. */
export type ChannelEffect =
  | { readonly effect: 'delay'; readonly milliseconds: number }
  /** The connection is cut when so many bytes of the answer were sent. */
  | { readonly effect: 'cut'; readonly afterBytes: number }
  /** No channel is opened. */
  | { readonly effect: 'refuse' }
  /** Nothing is run; the command ends like this. */
  | { readonly effect: 'exit'; readonly exitCode: number; readonly stderr: string }
  /** The answer begins well and goes on with bytes that mean nothing. */
  | { readonly effect: 'garbage' }
  /** Nothing ever comes. */
  | { readonly effect: 'hang' };

/** What goes wrong with a command of virsh. */
export type VirshEffect =
  /** It waits until it is released, and then does what it should. */
  | { readonly effect: 'hold' }
  /** It fails as for a VM that is not there. */
  | { readonly effect: 'fail' };

/** What goes wrong with block jobs. */
interface BlockJobEffect {
  /** Left out: of every VM. */
  readonly vm?: string;
}

interface FaultHandle {
  /** Resolves when the fault was met for the first time. */
  reached(): Promise<void>;
  /** How often it was met. */
  count(): number;
  /** Lets go what is held. */
  release(): void;
  /** Takes it back, and lets go what is held. */
  remove(): void;
}

export interface Faults {
  /** @param times how often; for ever where it is left out */
  addToChannels(effect: ChannelEffect, options?: { readonly times?: number }): FaultHandle;
  addToVirsh(effect: VirshEffect & { readonly command: string; readonly vm?: string }): FaultHandle;
  /** Block jobs that begin now fail half-way, as where reading or writing an image fails. */
  addToBlockJobs(effect?: BlockJobEffect): FaultHandle;
  /** The effect for a command that comes in now. */
  nextChannelEffect(): ChannelEffect | null;
  /** Waits where a command of virsh is held. Gives true where it is to fail. */
  meetVirsh(command: string, vmUuid: string | null): Promise<boolean>;
  /** Whether the block job that begins now is to fail. */
  meetBlockJob(vmUuid: string): boolean;
}

interface Entry<Effect> {
  readonly effect: Effect;
  left: number;
  count: number;
  readonly reached: PromiseWithResolvers<undefined>;
  readonly released: PromiseWithResolvers<undefined>;
}

export function createFaults(): Faults {
  const channels = new Set<Entry<ChannelEffect>>();
  const virsh = new Set<Entry<VirshEffect & { readonly command: string; readonly vm?: string }>>();

  const blockJobs = new Set<Entry<BlockJobEffect>>();

  function add<Effect>(entries: Set<Entry<Effect>>, effect: Effect, times = Infinity): FaultHandle {
    const entry: Entry<Effect> = {
      effect,
      left: times,
      count: 0,
      reached: Promise.withResolvers<undefined>(),
      released: Promise.withResolvers<undefined>(),
    };
    entries.add(entry);
    return {
      reached: () => entry.reached.promise,
      count: () => entry.count,
      release: () => {
        entry.released.resolve(undefined);
      },
      remove: () => {
        entries.delete(entry);
        entry.released.resolve(undefined);
      },
    };
  }

  function meet<Effect>(entry: Entry<Effect>): void {
    entry.left -= 1;
    entry.count += 1;
    entry.reached.resolve(undefined);
  }

  return {
    addToChannels: (effect, { times } = {}) => add(channels, effect, times),
    addToVirsh: (effect) => add(virsh, effect),
    addToBlockJobs: (effect = {}) => add(blockJobs, effect),
    nextChannelEffect() {
      const entry = [...channels].find(({ left }) => left > 0);
      if (!entry) return null;
      meet(entry);
      return entry.effect;
    },
    meetBlockJob(vmUuid) {
      const entry = [...blockJobs].find(({ effect }) => effect.vm === undefined || effect.vm === vmUuid);
      if (entry) meet(entry);
      return entry !== undefined;
    },
    async meetVirsh(command, vmUuid) {
      const entry = [...virsh].find(
        ({ effect }) => effect.command === command && (effect.vm === undefined || effect.vm === vmUuid),
      );
      if (!entry) return false;
      meet(entry);
      if (entry.effect.effect === 'fail') return true;
      await entry.released.promise;
      return false;
    },
  };
}
