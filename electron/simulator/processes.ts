/** The processes of a simulated host, as /proc shows them, and the signal that ends them. */

export interface Process {
  readonly pid: number;
  readonly session: number;
  readonly parent: number;
  /** Clock ticks since the host was booted. */
  readonly startedAt: number;
  /** What it was begun with. */
  readonly words: readonly string[];
  /** Aborted when SIGTERM ends it. */
  readonly signal: AbortSignal;
}

export interface Processes {
  /** A new process: of the session of its parent, or of one of its own where it is `detached`. */
  begin(options: {
    readonly detached: boolean;
    readonly words: readonly string[];
    readonly parent?: Process | undefined;
  }): Process;
  end(process: Process): void;
  find(pid: number): Process | null;
  /** What `trap` says of SIGTERM: what to run then; empty to ignore it, null to be ended by it as at the beginning. */
  onTerminate(process: Process, action: string | null): void;
  /** SIGTERM. */
  terminate(process: Process): void;
  /** SIGKILL for what lives on without the shell that began it. @param which left out: for all of it */
  killDetached(which?: (process: Process) => boolean): void;
  /** What `trap` was told to run for the signals that came since this was asked last. */
  takeActions(process: Process): readonly string[];
  /** The files of /proc by path. */
  files(): ReadonlyMap<string, string>;
}

interface Running {
  readonly process: Process;
  readonly killed: AbortController;
  action: string | null;
  pending: readonly string[];
}

const ticksPerSecond = 100;

/** @param now epoch seconds */
export function createProcesses(now: () => number, bootId: string): Processes {
  const bootedAt = now();
  const running = new Map<number, Running>();
  let lastPid = 1000;
  return {
    begin({ detached, words, parent }) {
      lastPid += 1;
      const startedAt = 1_000_000 + Math.floor((now() - bootedAt) * ticksPerSecond);
      const killed = new AbortController();
      const session = detached ? lastPid : (parent?.session ?? 1);
      const process = { pid: lastPid, session, parent: parent?.pid ?? 1, startedAt, words, signal: killed.signal };
      running.set(lastPid, { process, killed, action: null, pending: [] });
      return process;
    },
    end(process) {
      running.delete(process.pid);
    },
    find: (pid) => running.get(pid)?.process ?? null,
    onTerminate({ pid }, action) {
      const entry = running.get(pid);
      if (entry) entry.action = action;
    },
    terminate({ pid }) {
      const entry = running.get(pid);
      if (!entry) return;
      if (entry.action === null) entry.killed.abort();
      else if (entry.action !== '') entry.pending = [...entry.pending, entry.action];
    },
    killDetached(which = () => true) {
      for (const { process, killed } of [...running.values()]) {
        if (process.session === 1 || !which(process)) continue;
        running.delete(process.pid);
        killed.abort();
      }
    },
    takeActions({ pid }) {
      const entry = running.get(pid);
      const pending = entry?.pending ?? [];
      if (entry) entry.pending = [];
      return pending;
    },
    files() {
      const files = new Map([
        ['/proc/sys/kernel/random/boot_id', `${bootId}\n`],
        ['/proc/self/stat', statLine({ pid: 1, session: 1, parent: 0, startedAt: 1 })],
      ]);
      for (const { process } of running.values()) files.set(`/proc/${process.pid}/stat`, statLine(process));
      return files;
    },
  };
}

/** proc_pid_stat(5): the parent is the 4th field, the session the 6th, the start time the 22nd. */
function statLine({ pid, session, parent, startedAt }: Omit<Process, 'signal' | 'words'>): string {
  return `${pid} (sh) S ${parent} ${pid} ${session} 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 ${startedAt} 0 0\n`;
}
