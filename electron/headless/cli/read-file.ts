import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { SnaptreeError } from '../../../shared/errors.ts';

/** The text of a file that a command is given; `-` is stdin. Throws `fileNotFound`. @param what for the message: `The plan file` */
export async function readCommandFile(file: string, what: string): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SnaptreeError('fileNotFound', `${what} cannot be read: ${reason}. Nothing was done.`);
  }
}
