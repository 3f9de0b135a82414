/** Each error code as a headline. What happened in particular and what to do next, the message itself says. */
import type { ErrorCode, SnaptreeErrorData } from '../../shared/errors.ts';

const titles: Readonly<Record<ErrorCode, string>> = {
  invalidRequest: 'Snaptree refused the request',
  unknownRequest: 'This window is of another version than Snaptree: reload it',
  forbidden: 'Not allowed',
  cancelled: 'Cancelled',
  internalError: 'Something in Snaptree went wrong',
  invalidResponse: 'The answer could not be understood',
  shellDisconnected: 'No connection to Snaptree',
  hostNotFound: 'The host is not in the host book',
  hostNotConnected: 'The host is not connected',
  hostUnreachable: 'The host cannot be reached',
  hostKeyRejected: 'The host key was not accepted',
  hostKeyChanged: 'The host key has changed',
  authenticationFailed: 'The host refused the sign-in',
  keyFileUnusable: 'The key file cannot be used',
  agentUnavailable: 'No SSH agent',
  connectionLost: 'The connection was lost',
  channelRefused: 'The host opened no further channel',
  hostInUse: 'The host is in use',
  hypervisorUnknown: 'This hypervisor needs a newer Snaptree',
  connectionUnknown: 'This way to a host needs a newer Snaptree',
  hostReadOnly: 'The host is set to read-only',
  sudoRefused: 'sudo on the host refused',
  importFailed: 'The hosts could not be imported',
  commandNotFound: 'A command is missing on the host',
  commandFailed: 'A command on the host failed',
  commandTimedOut: 'A command on the host took too long',
  outputTooLarge: 'The host printed too much',
  unexpectedOutput: 'The host printed something unexpected',
  daemonUnavailable: 'The hypervisor’s daemon does not answer',
  permissionDenied: 'Permission denied on the host',
  vmNotFound: 'The VM is not there any more',
  snapshotNotFound: 'The snapshot is not there any more',
  vmUnreadable: 'The VM cannot be read',
  nameAmbiguous: 'The name fits more than one',
  planNotFound: 'The plan is not known any more',
  planStale: 'The host has changed since the plan was made',
  planRefused: 'The plan is refused',
  vmLocked: 'Another operation holds the VM',
  operationNotFound: 'The operation is not known',
  operationNotResolvable: 'The operation cannot be resolved like this',
  outcomeUnknown: 'The outcome is not known',
  verificationFailed: 'The host is not as the plan expected',
  storeUnusable: 'Snaptree cannot keep its data',
  storeInUse: 'Another Snaptree uses this data',
  reportNotFound: 'The report is not there any more',
  fileNotFound: 'The file is not known any more',
  questionNotFound: 'The question is not open any more',
};

/** A headline of a few words. */
export function titleFor(code: ErrorCode): string {
  return titles[code];
}

/** Names and values of what the message of an error does not say. */
export function untoldFacts({
  data,
  untold = [],
}: {
  readonly data: Readonly<SnaptreeErrorData['data']>;
  readonly untold?: readonly string[] | undefined;
}): readonly (readonly [name: string, value: string])[] {
  return untold.flatMap((name) => {
    const value = data[name] ?? '';
    return value.trim() === '' ? [] : [[name, value] as const];
  });
}
