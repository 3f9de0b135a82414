/** Each error code as a headline, and what can be done about it that the message itself need not say. */
import type { ErrorCode } from '../../shared/errors.ts';

const words: Readonly<Record<ErrorCode, readonly [title: string, remedy: string | null]>> = {
  invalidRequest: ['Snaptree refused the request', null],
  unknownRequest: ['Snaptree does not know this request', 'Reload the window: it may be of another version.'],
  forbidden: ['Not allowed', null],
  cancelled: ['Cancelled', null],
  internalError: ['Something in Snaptree went wrong', 'Nothing else is affected. Try again; if it stays, report it.'],
  invalidResponse: ['The answer could not be understood', null],
  shellDisconnected: ['No connection to Snaptree', null],
  hostNotFound: ['The host is not in the host book', null],
  hostNotConnected: ['The host is not connected', 'Connect to it, then try again.'],
  hostUnreachable: ['The host cannot be reached', 'Check address, port and network, then retry.'],
  hostKeyRejected: ['The host key was not accepted', 'Nothing was sent. Retry to be asked again.'],
  hostKeyChanged: [
    'The host key has changed',
    'Somebody may be listening in, or the host was set up anew. Ask its administrator before you remove the old key.',
  ],
  authenticationFailed: ['The host refused the sign-in', 'Check user and authentication method, then retry.'],
  keyFileUnusable: ['The key file cannot be used', 'Check its path and that it is a private key.'],
  agentUnavailable: ['No SSH agent', 'Start an agent and add a key, or choose another authentication.'],
  connectionLost: ['The connection was lost', null],
  channelRefused: ['The host opened no further channel', 'It limits sessions. Wait a moment and retry.'],
  hostInUse: ['The host is in use', null],
  commandNotFound: ['A command is missing on the host', 'Install it there, then retry.'],
  commandFailed: ['A command on the host failed', null],
  commandTimedOut: ['A command on the host took too long', null],
  outputTooLarge: ['The host printed too much', null],
  unexpectedOutput: ['The host printed something unexpected', null],
  daemonUnavailable: ['The hypervisor’s daemon does not answer', 'Check on the host that it runs, then retry.'],
  permissionDenied: [
    'Permission denied on the host',
    'The user needs access to the hypervisor, e.g. through its group.',
  ],
  vmNotFound: ['The VM is not there any more', null],
  snapshotNotFound: ['The snapshot is not there any more', null],
  vmUnreadable: ['The VM cannot be read', null],
  planNotFound: ['The plan is not known any more', 'Make the plan again.'],
  planStale: ['The host has changed since the plan was made', 'Nothing was run. Make the plan again and review it.'],
  planRefused: ['The plan is refused', null],
  vmLocked: ['Another operation holds the VM', null],
  operationNotFound: ['The operation is not known', null],
  operationNotResolvable: ['The operation cannot be resolved like this', 'Examine it again.'],
  outcomeUnknown: ['The outcome is not known', 'Do not repeat it. Examine the operation first.'],
  verificationFailed: ['The host is not as the plan expected', 'Look at the state shown now before you go on.'],
  storeUnusable: ['Snaptree cannot keep its data', 'Check disk space and permissions of its data folder.'],
  questionNotFound: ['The question is not open any more', null],
};

/** A headline of a few words. */
export function titleFor(code: ErrorCode): string {
  return words[code][0];
}

/** What to do next, or null where the message says all. */
export function remedyFor(code: ErrorCode): string | null {
  return words[code][1];
}
