/** What the exit codes mean: the one list, from which help and documentation are made. */
import type { ErrorCode } from '../../../shared/errors.ts';

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  stale: 4,
  partlyUnread: 5,
  outcomeUnknown: 6,
  notFound: 7,
  unreachable: 8,
  inUse: 9,
  interrupted: 130,
  terminated: 143,
  brokenPipe: 141,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.done, 'Done.'],
  [exitCodes.failed, 'Failed; the reason is on stderr. A step of a plan may have been run: the message says so.'],
  [exitCodes.usage, 'The command line, or a file given to it, is not understood. Nothing was done.'],
  [exitCodes.refused, 'The plan is refused, or its user said no. Nothing was done.'],
  [exitCodes.stale, 'The host has changed since the plan was made. Nothing was done; plan again.'],
  [exitCodes.partlyUnread, 'Done, but something on a host, or a whole host, could not be read: the output says what.'],
  [exitCodes.outcomeUnknown, 'Cut off while a step ran: only the host knows. See “snaptree operations”.'],
  [exitCodes.notFound, 'No host, VM, snapshot, operation or file of that name, or several.'],
  [exitCodes.unreachable, 'The host could not be reached or logged in to, or its hypervisor does not answer.'],
  [exitCodes.inUse, 'Somebody else is at it: the data folder, the VM or the host is in use.'],
  [exitCodes.interrupted, 'Interrupted with Ctrl-C.'],
  [exitCodes.brokenPipe, 'Whoever read the output went away.'],
  [exitCodes.terminated, 'Ended by SIGTERM or SIGHUP.'],
];

const codesOfErrors: Partial<Readonly<Record<ErrorCode, ExitCode>>> = {
  invalidRequest: exitCodes.usage,
  planRefused: exitCodes.refused,
  hostReadOnly: exitCodes.refused,
  planStale: exitCodes.stale,
  outcomeUnknown: exitCodes.outcomeUnknown,
  hostNotFound: exitCodes.notFound,
  vmNotFound: exitCodes.notFound,
  nameAmbiguous: exitCodes.notFound,
  snapshotNotFound: exitCodes.notFound,
  operationNotFound: exitCodes.notFound,
  planNotFound: exitCodes.notFound,
  fileNotFound: exitCodes.notFound,
  hostNotConnected: exitCodes.unreachable,
  hostUnreachable: exitCodes.unreachable,
  hypervisorUnknown: exitCodes.unreachable,
  connectionUnknown: exitCodes.unreachable,
  hostKeyRejected: exitCodes.unreachable,
  hostKeyChanged: exitCodes.unreachable,
  authenticationFailed: exitCodes.unreachable,
  keyFileUnusable: exitCodes.unreachable,
  agentUnavailable: exitCodes.unreachable,
  sudoRefused: exitCodes.unreachable,
  connectionLost: exitCodes.unreachable,
  channelRefused: exitCodes.unreachable,
  commandNotFound: exitCodes.unreachable,
  daemonUnavailable: exitCodes.unreachable,
  permissionDenied: exitCodes.unreachable,
  storeInUse: exitCodes.inUse,
  vmLocked: exitCodes.inUse,
  hostInUse: exitCodes.inUse,
};

/** The exit code for an error of the catalogue. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return codesOfErrors[code] ?? exitCodes.failed;
}
