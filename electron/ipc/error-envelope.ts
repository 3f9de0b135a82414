/** How what was thrown crosses the contract: catalogue errors as they are, everything else without its details. */
import type { z } from 'zod';
import { errorSchema } from '../../shared/error-schema.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { SnaptreeErrorData } from '../../shared/errors.ts';
import type { Log } from '../base/log.ts';

const mostIssues = 10;
const longestIssue = 300;

/**
 * The error data for `error`, thrown while `subject` (a request or topic name) was served. Anything but a
 * `SnaptreeError` becomes a generic `internalError`: its text may hold what a host printed or a user typed, so that goes
 * to the log only.
 */
export function envelopeOf(error: unknown, subject: string, signal: AbortSignal, log: Log): SnaptreeErrorData {
  if (SnaptreeError.is(error)) {
    const data = errorSchema.safeParse(error.toData());
    if (data.success) return data.data;
  } else if (signal.aborted && isAbort(error, signal)) {
    return new SnaptreeError('cancelled', 'The request was cancelled.').toData();
  }
  log.error('A handler failed in a way that it should not.', { subject, error });
  return new SnaptreeError(
    'internalError',
    'Snaptree met an error of its own that it does not understand. The details are in its log. ' +
      'Check the state of the host before you try again.',
  ).toData();
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

/**
 * What `error` says about a message that did not match its schema, as an `invalidRequest`. zod names the place and what
 * was expected there, never the value, so that a secret is not repeated.
 */
export function invalidRequest(subject: string, error: z.ZodError): SnaptreeErrorData {
  const data: Record<string, string> = {};
  for (const [index, issue] of error.issues.slice(0, mostIssues).entries()) {
    const place = issue.path.map(String).join('.');
    data[`issue${index + 1}`] = `${place === '' ? '' : `${place}: `}${issue.message}`.slice(0, longestIssue);
  }
  const first = data['issue1'] ?? 'it does not match the contract';
  const untold = Object.keys(data).slice(1);
  return new SnaptreeError('invalidRequest', `Snaptree cannot use the request ${subject}: ${first}`, {
    data,
    untold,
  }).toData();
}
