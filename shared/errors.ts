/**
 * The catalogue of everything that can go wrong across the IPC contract. An error crosses as data; `message` is a
 * sentence that says what happened, on which host or VM, what state things are in and what to do next.
 */

export const errorCodes = [
  // the request itself
  'invalidRequest',
  'unknownRequest',
  'forbidden',
  'cancelled',
  'internalError',
  'invalidResponse',
  'shellDisconnected',
  // hosts and connections
  'hostNotFound',
  'hostNotConnected',
  'hostUnreachable',
  'hostKeyRejected',
  'hostKeyChanged',
  'authenticationFailed',
  'keyFileUnusable',
  'agentUnavailable',
  'connectionLost',
  'channelRefused',
  'hostInUse',
  'hypervisorUnknown',
  'connectionUnknown',
  'hostReadOnly',
  'sudoRefused',
  'importFailed',
  // commands on a host
  'commandNotFound',
  'commandFailed',
  'commandTimedOut',
  'outputTooLarge',
  'unexpectedOutput',
  'daemonUnavailable',
  'permissionDenied',
  // plans and operations
  'vmNotFound',
  'vmUnreadable',
  'nameAmbiguous',
  'snapshotNotFound',
  'planNotFound',
  'planStale',
  'planRefused',
  'vmLocked',
  'operationNotFound',
  'operationNotResolvable',
  'outcomeUnknown',
  'verificationFailed',
  // what Snaptree keeps on disk
  'storeUnusable',
  'storeInUse',
  'reportNotFound',
  'fileNotFound',
  'questionNotFound',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** An error as it crosses the contract; error-schema.ts says what each part is. */
export interface SnaptreeErrorData {
  code: ErrorCode;
  message: string;
  data: Record<string, string>;
  retryable: boolean;
}

/** The one exception class that carries a catalogue entry; everything else that is thrown is a bug. */
export class SnaptreeError extends Error {
  override readonly name = 'SnaptreeError';
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, string>>;
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { data?: Readonly<Record<string, string>>; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
    this.retryable = options.retryable ?? false;
  }

  /** Whether `error` is a catalogue error with one of `codes` (any, where none is given). */
  static is(error: unknown, ...codes: readonly ErrorCode[]): error is SnaptreeError {
    return error instanceof SnaptreeError && (codes.length === 0 || codes.includes(error.code));
  }

  /** The error as it crosses the contract. */
  toData(): SnaptreeErrorData {
    return { code: this.code, message: this.message, data: { ...this.data }, retryable: this.retryable };
  }

  /** The error that `data` was made from. */
  static fromData(data: SnaptreeErrorData): SnaptreeError {
    return new SnaptreeError(data.code, data.message, { data: data.data, retryable: data.retryable });
  }
}
