/** Notices that a host answers again whose connection held all the time: its hypervisor's daemon was gone, as when it is started anew. */
import type { InventoryState } from '../../shared/contract.ts';

interface Readings {
  readonly state: (hostId: string) => Pick<InventoryState, 'error'>;
  readonly onChange: (listener: (hostId: string) => void) => () => void;
}

/**
 * Calls `onAnswer` with the host's id once for each time that it could be read again. A connection that was lost is another matter:
 * whoever waits for that is told of the new one. Gives a function that ends it.
 */
export function watchAnswers(readings: Readings, onAnswer: (hostId: string) => void): () => void {
  const silent = new Set<string>();
  return readings.onChange((hostId) => {
    const { error } = readings.state(hostId);
    if (error === null) {
      if (silent.delete(hostId)) onAnswer(hostId);
    } else if (error.code === 'daemonUnavailable') silent.add(hostId);
    else silent.delete(hostId);
  });
}
