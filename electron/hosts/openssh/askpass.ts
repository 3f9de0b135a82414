/**
 * The program that OpenSSH runs where it would ask on a terminal (SSH_ASKPASS), and the other end of it in here.
 *
 * It is a shell script in a folder that only this user can enter, so that nothing needs to be packaged beside the
 * application. The question goes through a file in that folder; the answer, which may be a secret, through a FIFO:
 * memory of the kernel, never a disk.
 */
import { constants } from 'node:fs';
import { open, readFile, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemErrorCode } from '../../store/files.ts';

/**
 * A notice ("Confirm user presence for key …") stays until OpenSSH ends it with SIGTERM: that tells that it is over. The
 * loop ends by itself when the folder is gone.
 */
const script = `#!/bin/sh
# Made by Snaptree for one connection: hands what ssh asks to Snaptree, and the answer back.
PATH=$PATH:/usr/bin:/bin
umask 077
folder=\${0%/*}
put() {
  { printf '%s\\n' "$2"; printf '%s\\n' "$3"; } >"$folder/new.$$" && mv "$folder/new.$$" "$folder/$1.$$"
}
if [ "$SSH_ASKPASS_PROMPT" = none ]; then
  pause=
  trap 'put over; kill "$pause" 2>/dev/null; exit 0' TERM INT HUP
  put request none "$1" || exit 1
  while [ -e "$0" ]; do sleep 1 & pause=$!; wait "$pause"; done
  exit 0
fi
mkfifo "$folder/answer.$$" || exit 1
put request "$SSH_ASKPASS_PROMPT" "$1" || exit 1
verdict= answer=
{ IFS= read -r verdict; IFS= read -r answer; } <"$folder/answer.$$"
rm -f "$folder/answer.$$"
[ "$verdict" = yes ] || exit 1
printf '%s\\n' "$answer"
`;

export interface AskpassRequest {
  /** SSH_ASKPASS_PROMPT: `none` for a notice, `confirm`, or empty. */
  readonly hint: string;
  readonly prompt: string;
}

export interface Askpass {
  /** For SSH_ASKPASS. */
  readonly program: string;
  /** Looks for new questions and hands them to `answer`. To be called again and again while something may be asked. */
  poll(): Promise<void>;
  /** Takes the program away: from now on whatever asks is refused. */
  close(): Promise<void>;
}

/**
 * @param folder only this user may enter it
 * @param answer what to give back; null refuses. For a notice its outcome does not matter, and `signal` aborts when the
 *   notice is over. Must not reject.
 */
export async function createAskpass(
  folder: string,
  answer: (request: AskpassRequest, signal: AbortSignal) => Promise<string | null>,
): Promise<Askpass> {
  const program = join(folder, 'askpass');
  await writeFile(program, script, { mode: 0o700, flag: 'wx' });
  const underWay = new Map<string, AbortController>();

  async function handle(id: string, signal: AbortSignal): Promise<void> {
    const path = join(folder, `request.${id}`);
    const text = await readFile(path, 'utf8');
    await unlink(path);
    const end = text.indexOf('\n');
    const hint = text.slice(0, end);
    const prompt = text.slice(end + 1).replace(/\n$/, '');
    const given = await answer({ hint, prompt }, signal);
    if (hint !== 'none') await reply(join(folder, `answer.${id}`), given);
  }

  return {
    program,
    async poll() {
      const names = await readdir(folder);
      for (const name of names) {
        const [, kind, id] = /^(request|over)\.(\d+)$/.exec(name) ?? [];
        if (id === undefined) continue;
        if (kind === 'request' && !underWay.has(id)) {
          // At once, and not when its file was read: the notice may be over by then.
          const controller = new AbortController();
          underWay.set(id, controller);
          void handle(id, controller.signal)
            .catch(() => undefined)
            .finally(() => underWay.delete(id));
        }
        if (kind === 'over') {
          await unlink(join(folder, name)).catch(() => undefined);
          underWay.get(id)?.abort();
        }
      }
    },
    async close() {
      for (const controller of underWay.values()) controller.abort();
      await rm(program, { force: true });
    },
  };
}

/** Writes to the script that waits. One that is gone (ssh was ended) is no error. */
async function reply(fifo: string, answer: string | null): Promise<void> {
  // A line is what ssh takes; an answer of more cannot be what is wanted.
  const text = answer === null || /[\r\n\0]/.test(answer) ? 'no\n\n' : `yes\n${answer}\n`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      // Without O_NONBLOCK this would wait for ever where the script is gone.
      const handle = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        await handle.writeFile(text);
      } finally {
        await handle.close();
      }
      return;
    } catch (error) {
      // ENXIO: the script has made the FIFO and not opened it yet.
      if (systemErrorCode(error) !== 'ENXIO') return;
      await delay(20);
    }
  }
}
