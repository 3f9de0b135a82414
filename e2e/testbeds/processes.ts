import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { waitUntil } from './run.ts';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly commandLine: string;
  readonly executable: string;
  readonly userId: number;
}

/** Reads one process, or undefined when it is gone; a zombie counts as gone (nobody may be there to reap it). */
export function readProcess(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may itself hold spaces and parentheses.
    const end = stat.lastIndexOf(')');
    const [state, parent] = stat.slice(end + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    return {
      pid,
      parent: Number(parent),
      name: stat.slice(stat.indexOf('(') + 1, end),
      commandLine: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
      executable: readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''),
      userId: statSync(`/proc/${pid}`).uid,
    };
  } catch {
    return undefined;
  }
}

/** All processes that can be read now. */
export function listProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/** The processes below a process, children of children too. */
export function descendantsOf(pid: number): ProcessInfo[] {
  const all = listProcesses();
  const collect = (parent: number): ProcessInfo[] =>
    all.filter((each) => each.parent === parent).flatMap((each) => [each, ...collect(each.pid)]);
  return collect(pid);
}

/** The process id in a pid file, if that process lives and its command line holds `mark`; ids are reused. */
export function pidFromFile(file: string, mark: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  return readProcess(pid)?.commandLine.includes(mark) === true ? pid : undefined;
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Ends a process (SIGTERM, after 10 s SIGKILL) and waits until it is gone. */
export async function endProcess(pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  try {
    await waitUntil(`process ${pid} to end`, () => readProcess(pid) === undefined);
  } catch {
    signal(pid, 'SIGKILL');
    await waitUntil(`process ${pid} to be killed`, () => readProcess(pid) === undefined);
  }
}
