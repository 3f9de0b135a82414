/**
 * The log of the main process: JSON lines, written by pino, with everything that looks like a secret replaced.
 *
 * The core is handed the small interface below and never pino itself.
 */
import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { withoutUnseen } from '../../shared/rules/text/visible-json.ts';

/** Facts that go with a log line. Values under keys that name a secret are replaced before they are written. */
export type LogDetails = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, details?: LogDetails): void;
  info(message: string, details?: LogDetails): void;
  warn(message: string, details?: LogDetails): void;
  error(message: string, details?: LogDetails): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const redacted = '[redacted]';
const secretKey = /secret|passw(or)?d|passphrase|private_?-?key|token|cookie|authorization/i;
const deepest = 8;
const longestText = 20_000;

/**
 * A copy of `value` that may be written to a log: values under keys that name a secret are replaced, errors become
 * plain data, and what is too deep or too long is cut. Getters are not run twice and never make it throw.
 */
export function redact(value: unknown): unknown {
  return redactAt(value, 0, new Set());
}

function redactAt(value: unknown, depth: number, above: ReadonlySet<object>): unknown {
  if (typeof value === 'string') {
    return value.length > longestText ? `${value.slice(0, longestText)}… (${value.length} characters)` : value;
  }
  if (typeof value === 'bigint' || typeof value === 'symbol') return value.toString();
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (above.has(value)) return '[circular]';
  if (depth >= deepest) return '[deeper]';
  const below = new Set(above).add(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item: unknown) => redactAt(item, depth + 1, below));
  const result: Record<string, unknown> = {};
  // The useful properties of an error are not enumerable.
  const keys =
    value instanceof Error ? ['name', 'message', 'stack', 'cause', ...Object.keys(value)] : Object.keys(value);
  for (const key of keys) {
    const field = secretKey.test(key) ? redacted : redactAt(readField(value, key), depth + 1, below);
    if (field !== undefined) Object.defineProperty(result, key, { value: field, enumerable: true });
  }
  return result;
}

function readField(value: object, key: string): unknown {
  try {
    const field: unknown = Reflect.get(value, key);
    return field;
  } catch {
    return '[unreadable]';
  }
}

/**
 * A log that writes JSON lines to `destination` (stderr where none is given, since stdout belongs to the program's
 * result), one line at a time and at once, so that the last words of a crash are not lost.
 */
export function createLog(options: { level?: LogLevel; destination?: DestinationStream } = {}): Log {
  const destination = options.destination ?? pino.destination({ dest: 2, sync: true });
  const logger = pino(
    { level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    // It may be a terminal, and text from hosts stands in it.
    {
      write: (line) => {
        destination.write(withoutUnseen(line));
      },
    },
  );
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, details?: LogDetails): void => {
      // Under a key of its own, so that no detail can pass for the level or the time of the line.
      if (details === undefined) logger[level](message);
      else logger[level]({ details: redact(details) }, message);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
