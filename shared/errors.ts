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
  untold?: string[] | undefined;
  retryable: boolean;
}

interface SnaptreeErrorOptions {
  readonly data?: Readonly<Record<string, string>>;
  /** Names of `data` which hold what the message does not say. */
  readonly untold?: readonly string[];
  /**
   * What to do. It becomes the end of the message, and is data (`advice`) as what stands before it (`happened`), for those who
   * show them apart.
   */
  readonly advice?: string;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The one exception class that carries a catalogue entry; everything else that is thrown is a bug. */
export class SnaptreeError extends Error {
  override readonly name = 'SnaptreeError';
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, string>>;
  readonly untold: readonly string[];
  readonly retryable: boolean;

  constructor(code: ErrorCode, happened: string, options: SnaptreeErrorOptions = {}) {
    const { data = {}, untold = [], advice, retryable = false, cause } = options;
    super(advice === undefined ? happened : `${happened} ${advice}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = advice === undefined ? data : { ...data, happened, advice };
    this.untold = untold;
    this.retryable = retryable;
  }

  /** Whether `error` is a catalogue error with one of `codes` (any, where none is given). */
  static is(error: unknown, ...codes: readonly ErrorCode[]): error is SnaptreeError {
    return error instanceof SnaptreeError && (codes.length === 0 || codes.includes(error.code));
  }

  /** The error as it crosses the contract. */
  toData(): SnaptreeErrorData {
    const { code, message, data, untold, retryable } = this;
    return { code, message, data: { ...data }, ...(untold.length > 0 && { untold: [...untold] }), retryable };
  }

  /** The error that `data` was made from. */
  static fromData({ code, message, data, untold = [], retryable }: SnaptreeErrorData): SnaptreeError {
    return new SnaptreeError(code, message, { data, untold, retryable });
  }
}
