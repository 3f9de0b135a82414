/** The errors that both transports throw, in the same words. */
import { SnaptreeError } from '../../../shared/errors.ts';

export function connectionLost(hostName: string, reason: string): SnaptreeError {
  return new SnaptreeError(
    'connectionLost',
    `The connection to ${hostName} was lost (${reason}). What was running there may have gone on: its outcome is not known. Connect again, and look at the host before repeating a change.`,
    { data: { reason } },
  );
}

export function outputTooLarge(hostName: string, maximumBytes: number): SnaptreeError {
  return new SnaptreeError(
    'outputTooLarge',
    `A command on ${hostName} printed more than ${maximumBytes} bytes. Snaptree stopped reading it; nothing of its output was used.`,
    { data: { maximumBytes: String(maximumBytes) } },
  );
}

export function commandCancelled(hostName: string): SnaptreeError {
  return new SnaptreeError(
    'cancelled',
    `Waiting for a command on ${hostName} was given up. What already runs there ends by itself.`,
  );
}

/** The command was not started. @param reason the SSH reason code (RFC 4254, 5.1); 2 is "connect failed". */
export function channelRefused(hostName: string, reason: number | null, description: string): SnaptreeError {
  return new SnaptreeError(
    'channelRefused',
    `${hostName} refused to open another session on the connection (${description}). The command was not started. Try again; if it stays so, raise MaxSessions in the host's sshd_config.`,
    { data: { reason: reason === null ? '' : String(reason), description }, retryable: true },
  );
}
