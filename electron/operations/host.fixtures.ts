/** For tests: a real shell on this machine as a host, whose home and locks are in a folder of their own. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SnaptreeError } from '../../shared/errors.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';

export interface ShellHost {
  readonly runner: CommandRunner;
  readonly folder: string;
  readonly lockFolder: string;
  remove(): Promise<void>;
}

export async function createShellHost(environment: Readonly<Record<string, string>> = {}): Promise<ShellHost> {
  const folder = await mkdtemp(join(tmpdir(), 'snaptree host '));
  const env = { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C', TZ: 'UTC', ...environment };
  const runScript: CommandRunner['runScript'] = ({ script, title }) =>
    new Promise((resolve, reject) => {
      const child = spawn('sh', ['-s'], { env, cwd: folder, stdio: 'pipe' });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', reject);
      child.on('close', (exitCode, signal) => {
        const stdout = Buffer.concat(out).toString('utf8');
        const stderr = Buffer.concat(err).toString('utf8');
        if (exitCode === 0) resolve({ exitCode, signal, stdout, stderr, failure: null });
        else reject(new SnaptreeError('commandFailed', `${title}: ${stderr}`, { data: { stderr } }));
      });
      child.stdin.end(script);
    });
  const runner: CommandRunner = {
    hostName: 'kvm1',
    run: () => Promise.reject(new Error('not used')),
    follow: () => Promise.reject(new Error('not used')),
    runScript,
  };
  // A step that ends at this moment may still write how it ended.
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  return { runner, folder, lockFolder: folder, remove };
}
