/** The keys on this computer: what a key file is, and what the agent holds. */
import { execFile } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { systemErrorCode } from '../../store/files.ts';
import { sshEnvironment } from '../openssh/ssh-settings.ts';
import type { Environment } from '../openssh/ssh-settings.ts';
import type { KeyFile } from './identities.ts';

const agentTimeoutMs = 10_000;
const run = promisify(execFile);

/** Type and base64 of a line with a public key; null where it is none. */
function publicKeyOf(line: string): string | null {
  const [type = '', key = ''] = line.trim().split(/ +/);
  return /^[a-z][a-z0-9@.-]+$/.test(type) && /^[A-Za-z0-9+/]{20,}=*$/.test(key) ? `${type} ${key}` : null;
}

/** What is in the agent, type and base64 each; nothing where there is none, or it does not answer. */
export async function readAgentKeys(environment: Environment): Promise<readonly string[]> {
  try {
    const { stdout } = await run('ssh-add', ['-L'], { env: sshEnvironment(environment), timeout: agentTimeoutMs });
    return stdout.split('\n').flatMap((line) => publicKeyOf(line) ?? []);
  } catch {
    // It has a code of its own for an agent that is empty, and another for one that is not there.
    return [];
  }
}

function readPublicHalf(path: string): string | null {
  try {
    return statSync(path).isFile() ? publicKeyOf(readFileSync(path, 'utf8').split('\n')[0] ?? '') : null;
  } catch {
    return null;
  }
}

/** What a key file is, by what stands in it and beside it; null where there is nothing. */
export function inspectKeyFile(path: string): KeyFile | null {
  const beside = readPublicHalf(`${path}.pub`);
  const hasCertificate = existsSync(`${path}-cert.pub`);
  try {
    if (!statSync(path).isFile()) return null;
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(100);
      const text = start.toString('latin1', 0, readSync(file, start, 0, start.length, 0));
      const isPublic = /^(ssh-|ecdsa-|sk-)/.test(text);
      const publicKey = isPublic ? readPublicHalf(path) : beside;
      if (isPublic) return { kind: 'public', publicKey, hasCertificate };
      return { kind: publicKey?.startsWith('sk-') === true ? 'securityKey' : 'private', publicKey, hasCertificate };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'EACCES') return { kind: 'unreadable', publicKey: beside, hasCertificate };
    // ssh takes the public half for naming a key of the agent.
    return beside === null ? null : { kind: 'public', publicKey: beside, hasCertificate };
  }
}
