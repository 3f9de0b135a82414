/** What any hypervisor's driver can say in a connection test. The stages of libvirt: connection-test.integration.test.ts. */
import { describe, expect, it } from 'vitest';
import { connectionTestSchema } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { hostSettings } from '../../shared/model/host.fixtures.ts';
import { createLocalTransport } from './commands/local-transport.ts';
import { testConnection } from './connection-test.ts';
import type { ProbedHypervisor } from './connection-test.ts';

/** A hypervisor with a tool and a daemon, which answers, or fails with an error. */
function hypervisor(fails: ErrorCode | null): ProbedHypervisor {
  return {
    probe: () =>
      fails === null
        ? Promise.resolve({ software: [{ name: 'Other', version: '4.17' }], capabilities: [] })
        : Promise.reject(new SnaptreeError(fails, 'It failed.')),
    probeStages: [
      { stage: 'tool', title: 'The tool', failsWith: ['commandNotFound'], passed: () => 'The tool is there.' },
      {
        stage: 'daemon',
        title: 'The daemon',
        failsWith: ['permissionDenied'],
        passed: (user) => `It answers ${user}.`,
      },
    ],
    remedyFor: ({ code }, { sudo }) => (code === 'permissionDenied' ? `Ask for it (sudo: ${String(sudo)}).` : null),
  };
}

async function stagesWith(fails: ErrorCode | null) {
  const test = await testConnection(hostSettings({ connection: { transport: 'local' } }), {
    connect: () => Promise.resolve(createLocalTransport('here')),
    hypervisor: hypervisor(fails),
    signal: new AbortController().signal,
  });
  return connectionTestSchema.parse(test).stages.slice(-3);
}

describe('the stages of a driver', () => {
  it('stand between the shell and the versions, with its words', async () => {
    expect(await stagesWith(null)).toMatchObject([
      { stage: 'tool', title: 'The tool', state: 'passed', message: 'The tool is there.' },
      {
        stage: 'daemon',
        title: 'The daemon',
        state: 'passed',
        message: expect.stringMatching(/^It answers \S+\.$/) as string,
      },
      { stage: 'versions', title: 'Versions', state: 'passed', message: 'Other 4.17.' },
    ]);
  });

  it('fail by its errors, with its remedy; those before have passed then', async () => {
    expect(await stagesWith('permissionDenied')).toMatchObject([
      { stage: 'tool', state: 'passed' },
      { stage: 'daemon', state: 'failed', message: 'It failed.', remedy: 'Ask for it (sudo: false).' },
      { stage: 'versions', state: 'notReached' },
    ]);
  });

  it('fail with a remedy also where the driver knows none', async () => {
    expect(await stagesWith('commandNotFound')).toMatchObject([
      { stage: 'tool', state: 'failed', remedy: expect.stringContaining('Install it') as string },
      { stage: 'daemon', state: 'notReached' },
      { stage: 'versions', state: 'notReached' },
    ]);
  });

  it('are not said to have passed by an error that has nothing to do with them', async () => {
    expect(await stagesWith('connectionLost')).toMatchObject([
      { stage: 'tool', state: 'notReached' },
      { stage: 'daemon', state: 'notReached' },
      { stage: 'versions', state: 'failed' },
    ]);
  });
});
