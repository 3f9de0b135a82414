/** Errors as they cross the contract and stand in files. Apart from errors.ts, which needs no library to load. */
import { z } from 'zod';
import { errorCodes } from './errors.ts';
import type { SnaptreeErrorData } from './errors.ts';

export const errorSchema = z.strictObject({
  code: z.enum(errorCodes),
  message: z.string(),
  /** Facts for the reader or the program, each a line of text: stderr, paths, names of dependents. */
  data: z.record(z.string(), z.string()),
  /** Names of the facts that the message does not say. Absent where it says all that people need. */
  untold: z.array(z.string()).optional(),
  /** True where asking again, unchanged, may succeed. Never true for a write whose outcome is unknown. */
  retryable: z.boolean(),
}) satisfies z.ZodType<SnaptreeErrorData>;
