/** What OpenSSH says, understood: texts as they came from OpenSSH 9.2. */
import { describe, expect, it } from 'vitest';
import { connectFailure, lostReason } from './openssh-errors.ts';
import { readOutcome } from './openssh-transport.ts';
import { parsePrompt } from './prompts.ts';

const named = { hostName: 'kvm1', destination: 'box', address: '10.0.0.1', port: 22, user: 'root' };
const fingerprint = 'SHA256:vSt2Hqn7qiqXfLC9s0TY4rGLxbGQYVl9SH4sQnM7/yU';

describe('prompts', () => {
  const hostKey = (host: string, more = '') =>
    `The authenticity of host '${host}' can't be established${more}.\nED25519 key fingerprint is ${fingerprint}.\nThis key is not known by any other names.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? `;

  it('about host keys', () => {
    const known = { kind: 'hostKey', keyType: 'ssh-ed25519', fingerprint, otherKeysKnown: false };
    expect(parsePrompt('', hostKey('[127.0.0.1]:2222 ([127.0.0.1]:2222)'))).toEqual({
      ...known,
      address: '127.0.0.1',
      port: 2222,
    });
    expect(parsePrompt('', hostKey('kvm1.example (2001:db8::1)'))).toEqual({
      ...known,
      address: 'kvm1.example',
      port: 22,
    });
    expect(parsePrompt('', hostKey('box (<no hostip for proxy command>)'))).toEqual({
      ...known,
      address: 'box',
      port: 22,
    });
    const other = hostKey('box (1.2.3.4)', '\nbut keys of different type are already known for this host');
    expect(parsePrompt('', other)).toMatchObject({ kind: 'hostKey', otherKeysKnown: true });
  });

  it('about secrets', () => {
    expect(parsePrompt('', "me@corp@10.0.0.1's password: ")).toEqual({
      kind: 'password',
      user: 'me@corp',
      address: '10.0.0.1',
    });
    expect(parsePrompt('', "Enter passphrase for key '/home/me/a key': ")).toEqual({
      kind: 'passphrase',
      keyPath: '/home/me/a key',
    });
    const pin = 'Enter PIN for ED25519-SK key /home/me/.ssh/id_ed25519_sk:';
    expect(parsePrompt('', `${pin} `)).toEqual({ kind: 'text', text: pin, confirm: false });
  });

  it('of a host, which cannot pass for OpenSSH’s own', () => {
    for (const text of [hostKey('box (1.2.3.4)'), "me@other's password: ", "Enter passphrase for key '/k': "]) {
      expect(parsePrompt('', `(root@10.0.0.1) ${text}`).kind).toBe('text');
    }
  });

  it('that are notices or want yes or no', () => {
    const touch = 'Confirm user presence for key ED25519-SK SHA256:abc';
    expect(parsePrompt('none', touch)).toEqual({ kind: 'notice', text: touch });
    expect(parsePrompt('confirm', 'Allow?')).toMatchObject({ kind: 'text', confirm: true });
  });
});

describe('failures', () => {
  it.each([
    ['ssh: Could not resolve hostname nohost.invalid: Name or service not known', 'hostUnreachable', 'nohost.invalid'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection refused\r', 'hostUnreachable', 'SSH server runs'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection timed out', 'hostUnreachable', 'network leads there'],
    ['root@10.0.0.1: Permission denied (publickey,password).', 'authenticationFailed', 'publickey,password'],
    [
      'debug1: Offering public key: /k\nReceived disconnect from 10.0.0.1 port 22:2: Too many authentication failures\nDisconnected from 10.0.0.1 port 22',
      'authenticationFailed',
      'IdentitiesOnly',
    ],
    [
      'debug1: get_agent_identities: ssh_get_authentication_socket: No such file or directory\nroot@10.0.0.1: Permission denied (publickey).',
      'agentUnavailable',
      'No such file',
    ],
    [
      'sign_and_send_pubkey: signing failed for ED25519-SK "/k": device not found\nroot@10.0.0.1: Permission denied (publickey).',
      'authenticationFailed',
      'device not found',
    ],
    [
      'Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-dss',
      'hostUnreachable',
      'no matching',
    ],
    [
      'ssh_askpass: exec(/tmp/x/askpass): Permission denied\nHost key verification failed.',
      'authenticationFailed',
      'TMPDIR',
    ],
    [
      'jump: bad luck\nkex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535',
      'hostUnreachable',
      'Connection closed by remote host',
    ],
    ['', 'hostUnreachable', 'no reason'],
  ])('%s', (log, code, words) => {
    const error = connectFailure(named, log);
    expect(error.code).toBe(code);
    expect(error.message).toContain('kvm1');
    expect(error.message).toContain(words);
  });

  it('tells why a connection ended', () => {
    expect(lostReason('Timeout, server 10.0.0.1 not responding.')).toBe('the host no longer answers');
    expect(lostReason('Connection to 10.0.0.1 closed by remote host.')).toBe('the host closed it');
    expect(lostReason('debug1: Entering interactive session.')).toBe('OpenSSH ended it without a reason');
  });
});

describe('the end of a command', () => {
  const start = 'debug2: mux_client_hello_exchange: master version 4\r\n';
  it.each([
    ['debug2: Received exit status from master 255', { kind: 'ended' }],
    [
      'debug1: mux_client_request_session: master session id: 7\r\ndebug2: Control master terminated unexpectedly',
      { kind: 'unknown', channel: 7 },
    ],
    [
      'mux_client_request_session: session request failed: Session open refused by peer\r\ndebug1: Executing proxy command: exec false',
      { kind: 'refused', reason: 'Session open refused by peer' },
    ],
    [
      'debug1: Control socket "/tmp/x/c" does not exist\r\ndebug1: Executing proxy command',
      { kind: 'noMaster', reason: '' },
    ],
    ['', { kind: 'noMaster', reason: '' }],
  ])('%s', (log, expected) => {
    expect(readOutcome(`${start}${log}\r\n`)).toEqual(expected);
  });
});
