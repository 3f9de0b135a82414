import { describe, expect, it } from 'vitest';
import { parseSshSettings } from '../openssh/ssh-settings.ts';
import { expandTokens, parseProxyJump, proposeEndpoint } from './ssh-proposal.ts';
import type { KeyFile, ProposalContext } from './ssh-proposal.ts';

const defaults = [
  'identityfile ~/.ssh/id_rsa',
  'identityfile ~/.ssh/id_ed25519',
  'userknownhostsfile ~/.ssh/known_hosts',
];

function context(files: Record<string, KeyFile> = {}, parts: Partial<ProposalContext> = {}): ProposalContext {
  return {
    baseline: parseSshSettings([...defaults, 'gssapiauthentication no'].join('\n')),
    home: '/home/me',
    localUser: 'me',
    agentSocket: '/run/agent',
    keyFile: (path) => files[path] ?? null,
    ...parts,
  };
}

function propose(lines: readonly string[], about = context()) {
  const keywords = lines.map((line) => line.split(' ')[0]);
  const rest = defaults.filter((line) => !keywords.includes(line.split(' ')[0]));
  const base = ['host box', 'hostname box.example', 'user root', 'port 2222', 'identityagent none'];
  return proposeEndpoint(parseSshSettings([...base, ...rest, ...lines].join('\n')), about);
}

describe('how a host is reached', () => {
  it('by name, port and user, with the agent where no key is named', () => {
    expect(propose([])).toEqual({
      endpoint: { address: 'box.example', port: 2222, user: 'root', authentication: { method: 'agent' } },
      needsOpenssh: [],
      notes: [],
    });
  });

  it.each([
    ['a key file that is named', ['identityfile ~/keys/%h'], { '/home/me/keys/box.example': 'private' }, '/run/agent'],
    ['a default key where there is no agent', [], { '/home/me/keys/box.example': 'private' }, '/run/agent'],
  ] as const)('with %s', (_name, lines, files, agentSocket) => {
    const { endpoint } = propose(lines, context(files, { agentSocket }));
    const path = '/home/me/keys/box.example';
    expect(endpoint.authentication).toEqual(lines.length > 0 ? { method: 'keyFile', path } : { method: 'agent' });
  });

  it('with the default key where there is no agent, and the agent where there is', () => {
    const files = { '/home/me/.ssh/id_ed25519': 'private' } as const;
    const without = propose([], context(files, { agentSocket: null }));
    expect(without.endpoint.authentication).toEqual({ method: 'keyFile', path: '/home/me/.ssh/id_ed25519' });
    expect(propose([], context(files)).endpoint.authentication).toEqual({ method: 'agent' });
  });

  it('with a password where keys are off', () => {
    for (const line of ['pubkeyauthentication false', 'preferredauthentications password,publickey']) {
      expect(propose([line]).endpoint.authentication).toEqual({ method: 'password' });
    }
  });

  it('with the agent where only a public key is named, and says so', () => {
    const { endpoint, notes } = propose(
      ['identityfile /k.pub', 'identityfile /gone', 'identitiesonly yes'],
      context({ '/k.pub': 'public' }),
    );
    expect(endpoint.authentication).toEqual({ method: 'agent' });
    expect(notes.join()).toContain('/gone');
    expect(notes.join()).toContain('IdentitiesOnly');
  });

  it.each([
    ['proxycommand nc %h %p', 'ProxyCommand'],
    ['certificatefile ~/.ssh/id-cert.pub', 'CertificateFile'],
    ['gssapiauthentication yes', 'GSSAPI'],
    ['hostkeyalias other', 'HostKeyAlias'],
    ['knownhostscommand /bin/true', 'KnownHostsCommand'],
    ['userknownhostsfile /dev/null', 'UserKnownHostsFile'],
    ['pkcs11provider /lib/p11.so', 'PKCS11Provider'],
    ['securitykeyprovider /lib/sk.so', 'SecurityKeyProvider'],
    ['identityagent ~/.1password/agent.sock', 'IdentityAgent'],
    ['bindaddress 10.0.0.9', 'BindAddress'],
  ])('with OpenSSH where it says %s', (line, words) => {
    const lines = line.startsWith('identityagent') ? [line] : [line];
    const settings = parseSshSettings(
      [...defaults.filter((each) => each.split(' ')[0] !== line.split(' ')[0]), ...lines].join('\n'),
    );
    expect(proposeEndpoint(settings, context()).needsOpenssh.join()).toContain(words);
  });

  it('with OpenSSH where the key lies on a device, and not for what the whole system says', () => {
    const device = propose(['identityfile /sk'], context({ '/sk': 'securityKey' }));
    expect(device.needsOpenssh.join()).toContain('security key');
    const baseline = parseSshSettings([...defaults, 'gssapiauthentication yes'].join('\n'));
    expect(propose(['gssapiauthentication yes'], context({}, { baseline })).needsOpenssh).toEqual([]);
    expect(propose(['securitykeyprovider internal', 'identityagent SSH_AUTH_SOCK']).needsOpenssh).toEqual([]);
  });
});

describe('tokens', () => {
  const settings = parseSshSettings('host box\nhostname box.example\nuser root\nport 22');
  const about = { home: '/home/$&me', localUser: 'me' };
  it('are expanded, and what is not known makes the file unknown', () => {
    expect(expandTokens('~/%n-%h-%p-%r-%u-%%', settings, about)).toBe('/home/$&me/box-box.example-22-root-me-%');
    expect(expandTokens('%d/x', settings, about)).toBe('/home/$&me/x');
    expect(expandTokens('/x/%C', settings, about)).toBeNull();
  });
});

describe('ProxyJump', () => {
  it.each([
    ['a', [{ destination: 'a', port: null, user: null }]],
    [
      'me@a:2222,b',
      [
        { destination: 'a', port: 2222, user: 'me' },
        { destination: 'b', port: null, user: null },
      ],
    ],
    ['me@x@[2001:db8::1]:22', [{ destination: '2001:db8::1', port: 22, user: 'me@x' }]],
    ['2001:db8::1', [{ destination: '2001:db8::1', port: null, user: null }]],
    ['ssh://me@a:1/', [{ destination: 'a', port: 1, user: 'me' }]],
    ['none', []],
    ['a,,b', null],
    ['', null],
    ['a:port', null],
  ])('%s', (text, expected) => {
    expect(parseProxyJump(text)).toEqual(expected);
  });
});
