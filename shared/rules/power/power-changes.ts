/** What can be asked of a VM that runs or is to run. What describes the command line loads this, and hardly anything else. */
import type { PowerChange } from '../../model/plan.ts';

/** In the words of libvirt. */
export const powerChanges = [
  'start',
  'shutdown',
  'destroy',
  'suspend',
  'resume',
] as const satisfies readonly PowerChange[];

/** As long as a guest has to shut down where nobody says otherwise. Windows takes a minute or two where it has updates to finish. */
export const shutdownSeconds = 180;
