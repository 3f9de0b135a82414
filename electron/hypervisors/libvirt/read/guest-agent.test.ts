import { expect, it } from 'vitest';
import { guestAgentFrom } from './guest-agent.ts';

const information = (enabled: boolean) =>
  JSON.stringify({ return: { supported_commands: [{ enabled, name: 'guest-fsfreeze-freeze' }] } });

it('knows the file systems of an agent that can freeze', () => {
  const systems = JSON.stringify({ return: [{ mountpoint: '/srv' }, { mountpoint: '/' }, { mountpoint: '/' }, 7] });
  expect(guestAgentFrom(`thawed\n${information(true)} \n${systems}\n`)).toEqual({
    state: 'ready',
    fileSystems: ['/', '/srv'],
    detail: null,
  });
});

it('takes an agent that may not freeze for one that cannot', () => {
  expect(guestAgentFrom(`thawed\n${information(false)}\n\n`).state).toBe('unable');
});

it('lets freezing itself tell where the agent says nothing that can be read', () => {
  expect(guestAgentFrom('thawed\n{"return":\n{"return":{}}\n')).toEqual({
    state: 'ready',
    fileSystems: [],
    detail: null,
  });
});

it('gives what libvirt said of an agent that does not answer', () => {
  const said = 'error: Guest agent is not responding: Guest agent not available for now ';
  expect(guestAgentFrom(`silent\n${said}\n`)).toEqual({
    state: 'silent',
    fileSystems: [],
    detail: 'Guest agent is not responding: Guest agent not available for now',
  });
});

it.each(['noChannel', 'notConnected', 'frozen'] as const)('tells %s', (state) => {
  expect(guestAgentFrom(`${state}\n\n`)).toEqual({ state, fileSystems: [], detail: null });
});

it('takes an answer that is none for silence', () => {
  expect(guestAgentFrom('').state).toBe('silent');
});
