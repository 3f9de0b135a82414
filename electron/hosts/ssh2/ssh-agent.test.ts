import { describe, expect, it } from 'vitest';
import { agentAddresses } from './ssh-agent.ts';

describe('where an agent is looked for', () => {
  it('is where the environment says, on every system', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      expect(agentAddresses({ SSH_AUTH_SOCK: '/run/agent' }, platform)).toEqual(['/run/agent']);
    }
  });

  it("is nowhere else, but on Windows the system's agent and then PuTTY's", () => {
    expect(agentAddresses({}, 'linux')).toEqual([]);
    expect(agentAddresses({ SSH_AUTH_SOCK: '' }, 'darwin')).toEqual([]);
    expect(agentAddresses({}, 'win32')).toEqual(['\\\\.\\pipe\\openssh-ssh-agent', 'pageant']);
  });
});
