/** What is known of the agent in a guest, which can freeze its file systems. */
import { z } from 'zod';

export const guestAgentSchema = z.strictObject({
  /**
   * ready: it answers, can freeze, and nothing is frozen. frozen: somebody has frozen the file systems already. noChannel: the VM has
   * no channel for one. notConnected: nothing listens at the guest's end. silent: it does not answer in time. unable: it answers,
   * but may or can not freeze.
   */
  state: z.enum(['ready', 'frozen', 'noChannel', 'notConnected', 'silent', 'unable']),
  /** Where file systems are mounted in the guest, as it names them; empty where it does not say. */
  fileSystems: z.array(z.string().max(200)).max(100),
  /** What libvirt or the agent says, where the state alone does not tell; otherwise null. */
  detail: z.string().max(2000).nullable(),
});

export type GuestAgent = z.infer<typeof guestAgentSchema>;
