import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { ImportCandidate } from '../../../../shared/contract.ts';
import { hostSettings } from '../../../../shared/model/host.fixtures.ts';
import type { Client } from '../client.ts';
import { createContext } from '../context.ts';
import type { CommandContext } from '../context.ts';
import { programFor } from '../main.ts';
import { createOutput } from '../output.ts';

const nothing = { settings: null, problem: null, notes: [], sameAs: null };
const candidates: readonly ImportCandidate[] = [
  { ...nothing, origin: 'kvm1', settings: hostSettings({ name: 'kvm1' }), notes: ['Its RemoteCommand is not run.'] },
  { ...nothing, origin: 'broken', problem: 'OpenSSH cannot tell how to reach it.' },
];

/** Runs a command over the candidates; gives what was warned of, and which hosts were added. */
async function run(...words: readonly string[]): Promise<{ warned: string[]; added: string[] }> {
  const warned: string[] = [];
  const added: string[] = [];
  const client = {
    ask: (name: string, request: { settings: { name: string } }) => {
      if (name === 'hosts.importable') return Promise.resolve({ candidates });
      added.push(request.settings.name);
      return Promise.resolve({ ...request.settings, id: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f' });
    },
  } as unknown as Client;
  const quiet = new PassThrough().resume() as unknown as NodeJS.WriteStream;
  const output = createOutput({ stdout: quiet, stderr: quiet, environment: {} });
  const createApplication = () => Promise.reject(new Error('not asked for'));
  const context: CommandContext = {
    ...createContext({ output, createApplication, environment: {} }),
    warn: (message) => void warned.push(message),
    work: async (_options, _access, task) => {
      await task({ client } as Parameters<typeof task>[0]);
    },
  };
  await programFor(context).parseAsync(words, { from: 'user' });
  return { warned, added };
}

it('says what is not carried over when a host is added, too', async () => {
  const { warned, added } = await run('hosts', 'import', 'kvm1');
  expect(added).toEqual(['kvm1']);
  expect(warned).toEqual(['kvm1: Its RemoteCommand is not run.']);
});

it('says which hosts were not added where all were to be, and why', async () => {
  const { warned, added } = await run('hosts', 'import', '--all');
  expect(added).toEqual(['kvm1']);
  expect(warned).toContain('broken was not added. OpenSSH cannot tell how to reach it.');
});
