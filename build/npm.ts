import { basename } from 'node:path';

/**
 * The program and first arguments that run npm: the npm that runs this script, where one does. (On Windows `npm` is a batch
 * file, which Node starts by way of a shell only.)
 */
export function npmCommand(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly [string, ...string[]] {
  const running = environment['npm_execpath'];
  return running !== undefined && basename(running) === 'npm-cli.js' ? [process.execPath, running] : ['npm'];
}
