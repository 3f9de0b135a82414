/** The licences of what Snaptree is made with, which the build puts beside the page. */
import { z } from 'zod';

const licensesSchema = z.array(
  z.object({ name: z.string(), version: z.string(), identifier: z.string(), text: z.string() }),
);

export type License = z.infer<typeof licensesSchema>[number];

/** Rejects where they are not there, or not what they should be. */
export async function fetchLicenses(signal: AbortSignal): Promise<readonly License[]> {
  const response = await fetch('/licenses.json', { signal });
  if (!response.ok) throw new Error(`/licenses.json: ${response.status}`);
  return licensesSchema.parse(await response.json());
}
