import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { abortJob, cleanUpOperation, inspectJob, prepareJobs, startJob, waitForJob } from './host-job.ts';
import { acquireLock, lockPath, takeLockOver } from './host-lock.ts';
import { createShellHost } from '../host.fixtures.ts';
import type { ShellHost } from '../host.fixtures.ts';

const operationId = '0c5f0c0e-7f43-4a3c-9f35-6f2d7d1a0001';
let host: ShellHost;
let folder: string;
const vmUuid = '11111111-1111-4111-8111-111111111111';
const lock = () => ({ vmUuid, operationId, folder: host.lockFolder });
const owner = (of: string) => ({ operationId: of, user: 'ann', computer: 'desk', startedAt: 1, title: 'a change' });

beforeEach(async () => {
  host = await createShellHost();
  await acquireLock(host.runner, { ...lock(), owner: owner(operationId) });
  folder = await prepareJobs(host.runner, operationId);
});
afterEach(() => host.remove());

const sh = (script: string, ...more: string[]) => ['sh', '-c', script, 'sh', ...more];
const start = (argv: readonly string[], stepIndex = 0, waitSeconds = 20) =>
  startJob(host.runner, { folder, stepIndex, attempt: 0, argv, lock: lock() }, { waitSeconds });
const inspect = (stepIndex = 0) => inspectJob(host.runner, { folder, stepIndex, attempt: 0 });

/** Opening waits for the other end: a test and a step meet at a named pipe, without sleeping. */
async function pipe(name: string): Promise<string> {
  const path = join(host.folder, name);
  await promisify(execFile)('mkfifo', [path]);
  return path;
}

describe('a step on the host', () => {
  test('has its folder where XDG says, for its user only', async () => {
    expect(folder).toBe(join(host.folder, '.local/state/snaptree/operations', operationId));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const other = await createShellHost({ XDG_STATE_HOME: join(host.folder, 'state home') });
    try {
      expect(await prepareJobs(other.runner, operationId)).toBe(
        join(host.folder, 'state home/snaptree/operations', operationId),
      );
      const relative = await createShellHost({ XDG_STATE_HOME: 'state' });
      expect(await prepareJobs(relative.runner, operationId)).toContain('.local/state/snaptree');
      await relative.remove();
    } finally {
      await other.remove();
    }
  });

  test('is not put into somebody’s link', async () => {
    await rm(folder, { recursive: true });
    await mkdir(join(host.folder, 'elsewhere'));
    await symlink(join(host.folder, 'elsewhere'), folder);
    await expect(prepareJobs(host.runner, operationId)).rejects.toMatchObject({ code: 'commandFailed' });
    expect(await start(['true'])).toEqual({ state: 'folderMissing' });
    expect(await readdir(join(host.folder, 'elsewhere'))).toEqual([]);
  });

  test.each([0, 1, 3, 127, 255])('gives its exit code %i and what it printed', async (exitCode) => {
    const status = await start(sh('echo out; echo err >&2; exit "$1"', String(exitCode)));
    expect(status).toEqual({ state: 'exited', exitCode, stdout: 'out\n', stderr: 'err\n' });
    expect(await inspect()).toEqual(status);
  });

  test('gets its arguments as they are, and no input', async () => {
    const hostile = [
      '',
      ' ',
      '-n',
      '--',
      "it's",
      '"',
      '$(touch pwned)',
      '`touch pwned`',
      'a\nb',
      '\\',
      '*',
      ';rm',
      '💾é',
      '%s\\n',
      '@end',
      'x'.repeat(100_000),
    ];
    const status = await start(sh('cat; for a in "$@"; do printf "%s\\0" "$a"; done >args', ...hostile));
    expect(status).toMatchObject({ state: 'exited', exitCode: 0 });
    const received = (await readFile(join(host.folder, 'args'), 'utf8')).split('\0').slice(0, -1);
    expect(received).toEqual(hostile);
    expect(await readdir(host.folder)).not.toContain('pwned');
  });

  test('is never a builtin of the shell', async () => {
    // `exit 0` as a builtin would succeed; there is no such program.
    expect(await start(['exit', '0'])).toMatchObject({ state: 'exited', exitCode: 127 });
  });

  test('gives the end of a long output only', async () => {
    const status = await start(sh('head -c 200000 /dev/zero | tr "\\0" x; echo; echo last'));
    if (status.state !== 'exited') throw new Error(status.state);
    expect(status.stdout).toHaveLength(65_536);
    expect(status.stdout.endsWith('x\nlast\n')).toBe(true);
  });

  test('outlives the shell that started it', async () => {
    const gate = await pipe('gate');
    const running = await start(sh('echo begun; read line <"$1"; echo "$line"; exit 7', gate), 0, 1);
    expect(running).toMatchObject({ state: 'running', stdout: 'begun\n', outputBytes: 6 });
    // The script has answered, so its shell is gone.
    expect(await inspect()).toMatchObject({ state: 'running' });
    await writeFile(gate, 'go on\n');
    expect(await waitForJob(host.runner, { folder, stepIndex: 0, attempt: 0 }, { waitSeconds: 20 })).toEqual({
      state: 'exited',
      exitCode: 7,
      stdout: 'begun\ngo on\n',
      stderr: '',
    });
  });

  test('answers early when it has printed more', async () => {
    const gate = await pipe('gate');
    const begin = Date.now();
    const status = await start(sh('echo progress; read line <"$1"', gate), 0, 60);
    expect(status).toMatchObject({ state: 'running', stdout: 'progress\n' });
    expect(Date.now() - begin).toBeLessThan(30_000);
    await writeFile(gate, '\n');
  });

  test('tells how far it is, and whoever waits hears of it without waiting for the end', async () => {
    const gate = await pipe('gate');
    const tell = 'echo "$*" >"$SNAPTREE_STEP/new" && mv "$SNAPTREE_STEP/new" "$SNAPTREE_STEP/progress"';
    const argv = sh(
      `tell() { ${tell}; }; tell 1024 4096; read line <"$1"; tell 2048 8192 can=pause behind; read line <"$1"`,
      gate,
    );
    const first = await start(argv, 0, 1);
    expect(first).toMatchObject({ state: 'running' });
    expect(first).toHaveProperty('progress', { doneBytes: 1024, totalBytes: 4096 });
    if (first.state !== 'running') throw new Error(first.state);
    await writeFile(gate, '\n');
    const job = { folder, stepIndex: 0, attempt: 0 };
    const begin = Date.now();
    const second = await waitForJob(host.runner, job, { waitSeconds: 60, seen: first });
    expect(second).toMatchObject({ state: 'running' });
    expect(second).toHaveProperty('progress', { doneBytes: 2048, totalBytes: 8192, told: 'can=pause behind' });
    expect(Date.now() - begin).toBeLessThan(30_000);
    await writeFile(gate, '\n');
    expect(await waitForJob(host.runner, job, { waitSeconds: 20 })).toMatchObject({ state: 'exited', exitCode: 0 });
  });

  test.each(['', '12', 'a b', '-1 5', '1 2,3', '9'.repeat(70)])(
    'whose progress is nonsense (“%s”) tells none',
    async (text) => {
      const gate = await pipe('gate');
      const argv = sh('printf "%s\\n" "$2" >"$SNAPTREE_STEP/progress"; echo begun; read line <"$1"', gate, text);
      expect(await start(argv, 0, 60)).toMatchObject({ state: 'running', stdout: 'begun\n', progress: null });
      await writeFile(gate, '\n');
    },
  );

  test('is started once, however often it is asked for', async () => {
    const argv = sh('echo run >>log');
    await Promise.all([start(argv), start(argv), start(argv)]);
    await start(argv);
    expect(await readFile(join(host.folder, 'log'), 'utf8')).toBe('run\n');
    expect(await inspect(1)).toEqual({ state: 'absent' });
  });

  test('cannot start when its operation is gone', async () => {
    expect(await cleanUp()).toBe('cleaned');
    expect(await start(sh('echo run >>log'))).toEqual({ state: 'folderMissing' });
    expect(await readdir(host.folder)).not.toContain('log');
  });

  test('is revoked when it was asked for and does not begin, and may be asked for again', async () => {
    // What is left when the shell dies between mkdir and the start.
    await mkdir(join(folder, '0'));
    expect(await inspect()).toEqual({ state: 'absent' });
    expect(await start(sh('echo run >>log'))).toMatchObject({ state: 'exited', exitCode: 0 });
    expect(await readFile(join(host.folder, 'log'), 'utf8')).toBe('run\n');
  });

  test('is revoked as well where nothing can be written any more, and may be asked for again when there is room', async () => {
    await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'snaptree-test', folder]);
    try {
      await expect(writeFile(join(folder, 'filler'), Buffer.alloc(131_072))).rejects.toThrow('ENOSPC');
      expect(await start(sh('echo run >>"$HOME/log"'))).toEqual({ state: 'absent' });
      await rm(join(folder, 'filler'));
      expect(await start(sh('echo run >>"$HOME/log"'))).toMatchObject({ state: 'exited', exitCode: 0 });
      expect(await readFile(join(host.folder, 'log'), 'utf8')).toBe('run\n');
    } finally {
      await promisify(execFile)('umount', ['-l', folder]);
    }
  });

  test('runs on for as long as its command does, even if its shell was killed', async () => {
    const gate = await pipe('gate');
    await start(sh('read line <"$1"; echo done >log', gate), 0, 1);
    const [pid] = (await readFile(join(folder, '0/process'), 'utf8')).split(' ');
    process.kill(Number(pid), 'SIGKILL');
    expect(await inspect()).toMatchObject({ state: 'running' });
    expect(await cleanUp()).toBe('running');
    await writeFile(gate, '\n');
    const end = await waitForJob(host.runner, { folder, stepIndex: 0, attempt: 0 }, { waitSeconds: 20 });
    expect(end).toMatchObject({ state: 'died', rebooted: false });
    expect(await cleanUp()).toBe('cleaned');
  });

  describe('whose process is not what it was', () => {
    beforeEach(async () => {
      expect(await start(['true'])).toMatchObject({ state: 'exited' });
      await rm(join(folder, '0/exit'));
    });

    const own = async () => {
      const stat = await readFile('/proc/self/stat', 'utf8');
      const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
      const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
      return { pid: process.pid, started: fields[19] ?? '', boot };
    };

    test('died, if nothing has its pid', async () => {
      expect(await inspect()).toMatchObject({ state: 'died', rebooted: false });
    });

    test('died, if another process has its pid', async () => {
      const { pid, boot } = await own();
      await writeFile(join(folder, '0/process'), `${pid} 1 ${pid + 1} ${boot}\n`);
      expect(await inspect()).toMatchObject({ state: 'died', rebooted: false });
    });

    test('died, if the host was started again', async () => {
      const { pid, started } = await own();
      await writeFile(join(folder, '0/process'), `${pid} ${started} ${pid} 0-an-earlier-boot\n`);
      expect(await inspect()).toMatchObject({ state: 'died', rebooted: true });
    });

    test('runs, if it is the same after all', async () => {
      const { pid, started, boot } = await own();
      await writeFile(join(folder, '0/process'), `${pid} ${started} - ${boot}\n`);
      expect(await inspect()).toMatchObject({ state: 'running' });
    });
  });

  test('can be ended, with all that it started, and says how it ended', async () => {
    const pids = join(host.folder, 'pids');
    const ready = await pipe('ready');
    const script = 'sleep 600 & echo "$!" >"$1"; echo begun; echo ready >"$2"; wait';
    const started = start(sh(script, pids, ready), 0, 0);
    await readFile(ready, 'utf8');
    expect(await started).toMatchObject({ state: 'running' });
    const child = Number(await readFile(pids, 'utf8'));
    const job = { folder, stepIndex: 0, attempt: 0 };
    await abortJob(host.runner, job);
    expect(await waitForJob(host.runner, job, { waitSeconds: 20 })).toMatchObject({ state: 'exited', exitCode: 143 });
    // Ended, and perhaps not yet collected by whoever is its parent now.
    expect(await readFile(`/proc/${child}/stat`, 'utf8').catch(() => '(sleep) Z')).toContain('(sleep) Z');
    // Once more is no harm, also of one that never was.
    await abortJob(host.runner, job);
    await abortJob(host.runner, { ...job, stepIndex: 7 });
    expect(await inspect()).toMatchObject({ state: 'exited', exitCode: 143 });
  });

  test('is not begun where the lock is somebody else’s now, or is gone', async () => {
    const file = join(host.folder, 'log');
    const take = (from: string, of: string) =>
      takeLockOver(host.runner, { vmUuid, folder: host.lockFolder, owner: owner(of), from });
    expect(await take(operationId, 'another')).toEqual({ acquired: true });
    expect(await start(sh('echo x >>"$1"', file))).toEqual({ state: 'absent' });
    expect(await take('another', operationId)).toEqual({ acquired: true });
    await rm(lockPath(lock()));
    expect(await start(sh('echo x >>"$1"', file))).toEqual({ state: 'absent' });
    expect(await readFile(file, 'utf8').catch(() => 'nothing')).toBe('nothing');
    await acquireLock(host.runner, { ...lock(), owner: owner(operationId) });
    expect(await start(sh('echo x >>"$1"', file))).toMatchObject({ state: 'exited', exitCode: 0 });
  });

  test('keeps its lock while it runs, whoever would take it over', async () => {
    const gate = await pipe('gate');
    expect(await start(sh('read -r line <"$1"', gate), 0, 0)).toMatchObject({ state: 'running' });
    const over = { vmUuid, folder: host.lockFolder, owner: owner('another'), from: operationId };
    expect(await takeLockOver(host.runner, over)).toEqual({ acquired: false, why: 'running' });
    expect(await acquireLock(host.runner, { ...lock(), owner: owner('third') })).toMatchObject({
      acquired: false,
      owner: { operationId },
    });
    await writeFile(gate, 'go\n');
    await vi.waitFor(async () => {
      expect(await inspect()).toMatchObject({ state: 'exited' });
    });
    expect(await takeLockOver(host.runner, over)).toEqual({ acquired: true });
  });

  test('is run anew in another attempt, once', async () => {
    const file = join(host.folder, 'log');
    const again = { folder, stepIndex: 0, attempt: 1, argv: sh('echo x >>"$1"', file), lock: lock() };
    await start(sh('echo x >>"$1"', file));
    await startJob(host.runner, again, { waitSeconds: 20 });
    await startJob(host.runner, again, { waitSeconds: 20 });
    expect(await readFile(file, 'utf8')).toBe('x\nx\n');
    expect(await cleanUp()).toBe('cleaned');
    expect(await readdir(join(folder, '..'))).toEqual([]);
  });

  test('leaves nothing behind when it is cleaned up', async () => {
    await start(['true']);
    expect(await cleanUp()).toBe('cleaned');
    expect(await cleanUp()).toBe('nothingThere');
    expect(await readdir(join(folder, '..'))).toEqual([]);
    // Also where nobody was told that it was made.
    await prepareJobs(host.runner, operationId);
    await cleanUpOperation(host.runner, { operationId, jobFolder: null, lockFolder: host.lockFolder });
    expect(await readdir(join(folder, '..'))).toEqual([]);
    await expect(
      cleanUpOperation(host.runner, { operationId, jobFolder: host.folder, lockFolder: host.lockFolder }),
    ).rejects.toMatchObject({ code: 'invalidRequest' });
  });

  test('does nothing where the folder cannot be made', async () => {
    const state = join(host.folder, '.local/state/snaptree/operations');
    await rm(state, { recursive: true });
    await writeFile(state, 'in the way');
    await chmod(state, 0o600);
    await expect(prepareJobs(host.runner, operationId)).rejects.toMatchObject({ code: 'commandFailed' });
  });

  function cleanUp() {
    return cleanUpOperation(host.runner, { operationId, jobFolder: folder, lockFolder: host.lockFolder });
  }
});
