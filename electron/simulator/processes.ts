/** The processes of a simulated host, as /proc shows them. */

export interface Process {
  readonly pid: number;
  readonly session: number;
  /** Clock ticks since the host was booted. */
  readonly startedAt: number;
}

export interface Processes {
  /** A new process; in a session of its own where `detached`. */
  begin(options: { readonly detached: boolean }): Process;
  end(process: Process): void;
  has(pid: number): boolean;
  /** The files of /proc by path. */
  files(): ReadonlyMap<string, string>;
}

const ticksPerSecond = 100;

/** @param now epoch seconds */
export function createProcesses(now: () => number, bootId: string): Processes {
  const bootedAt = now();
  const running = new Map<number, Process>();
  let lastPid = 1000;
  return {
    begin({ detached }) {
      lastPid += 1;
      const startedAt = 1_000_000 + Math.floor((now() - bootedAt) * ticksPerSecond);
      const process = { pid: lastPid, session: detached ? lastPid : 1, startedAt };
      running.set(lastPid, process);
      return process;
    },
    end(process) {
      running.delete(process.pid);
    },
    has: (pid) => running.has(pid),
    files() {
      const files = new Map([
        ['/proc/sys/kernel/random/boot_id', `${bootId}\n`],
        ['/proc/self/stat', statLine({ pid: 1, session: 1, startedAt: 1 })],
      ]);
      for (const process of running.values()) files.set(`/proc/${process.pid}/stat`, statLine(process));
      return files;
    },
  };
}

/** proc_pid_stat(5): the session is the 6th field, the start time the 22nd. */
function statLine({ pid, session, startedAt }: Process): string {
  return `${pid} (sh) S 1 ${pid} ${session} 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 ${startedAt} 0 0\n`;
}
