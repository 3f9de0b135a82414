import { describe, expect, it } from 'vitest';
import { parseSshSettings } from '../openssh/ssh-settings.ts';
import { expandIdentityFile, expandProxyJump } from './expansion.ts';
import type { KeyFile } from './identities.ts';
import { parseProxyJump, proposeEndpoint } from './ssh-proposal.ts';
import type { ProposalContext } from './ssh-proposal.ts';

const defaults = [
  'identityfile ~/.ssh/id_rsa',
  'identityfile ~/.ssh/id_ed25519',
  'userknownhostsfile ~/.ssh/known_hosts',
];

function context(files: Record<string, Partial<KeyFile>> = {}, parts: Partial<ProposalContext> = {}): ProposalContext {
  const settings = parseSshSettings([...defaults, 'gssapiauthentication no'].join('\n'));
  return {
    baselines: { defaults: settings, system: settings },
    ...{
      home: '/home/me',
      localUser: 'me',
      localUserId: 1000,
      localHost: 'desk.example',
      environment: { KEYS: '/keys' },
    },
    agentSocket: '/run/agent',
    agentKeys: [],
    keyFile: (path) => {
      const found = files[path];
      return found === undefined ? null : { kind: 'private', publicKey: null, hasCertificate: false, ...found };
    },
    ...parts,
  };
}

function propose(lines: readonly string[], about = context()) {
  const keywords = lines.map((line) => line.split(' ')[0]);
  const rest = defaults.filter((line) => !keywords.includes(line.split(' ')[0]));
  const base = ['host box', 'hostname box.example', 'user root', 'port 2222'].filter(
    (line) => !keywords.includes(line.split(' ')[0]),
  );
  return proposeEndpoint(parseSshSettings([...base, ...rest, ...lines].join('\n')), about);
}

const [one, two] = ['ssh-ed25519 AAAAone', 'ssh-rsa AAAAtwo'] as const;
const home = '/home/me/.ssh';

describe('how a host is reached', () => {
  it('by name, port and user, with the keys of the agent where there are no others', () => {
    expect(propose([], context({}, { agentKeys: [one, two] }))).toEqual({
      endpoint: { address: 'box.example', port: 2222, user: 'root', authentication: { method: 'agent' } },
      ...{ needsOpenssh: [], loginNeedsOpenssh: [], notes: [], ownNotes: [], problem: null },
    });
  });

  it.each([
    ['one that is named', ['identityfile ${KEYS}/%h'], { '/keys/box.example': {} }, [], '/keys/box.example'],
    ['one by default', [], { [`${home}/id_rsa`]: {} }, [], `${home}/id_rsa`],
    [
      'one that the agent holds with others, which are not asked for',
      ['identityfile /k', 'identitiesonly yes'],
      { '/k': { publicKey: one } },
      [one, two],
      '/k',
    ],
  ] as const)('with a key file: %s', (_name, lines, files, agentKeys, path) => {
    const { endpoint, loginNeedsOpenssh } = propose(lines, context(files, { agentKeys }));
    expect(endpoint.authentication).toEqual({ method: 'keyFile', path });
    expect(loginNeedsOpenssh).toEqual([]);
  });

  it('with the agent where it holds the files that are there', () => {
    const files = { [`${home}/id_rsa`]: { publicKey: two }, '/k.pub': { kind: 'public', publicKey: one } } as const;
    expect(propose([], context(files, { agentKeys: [one, two] })).endpoint.authentication).toEqual({ method: 'agent' });
    const named = propose(['identityfile /k.pub', 'identitiesonly yes'], context(files, { agentKeys: [one] }));
    expect(named).toMatchObject({ endpoint: { authentication: { method: 'agent' } }, loginNeedsOpenssh: [] });
  });

  it.each([
    ['two files', ['identityfile /a', 'identityfile /b'], { '/a': {}, '/b': {} }, []],
    ['a file and other keys of the agent', ['identityfile /a'], { '/a': { publicKey: one } }, [two]],
    [
      'one of the keys in the agent',
      ['identityfile /k.pub', 'identitiesonly yes'],
      { '/k.pub': { kind: 'public', publicKey: one } },
      [one, two],
    ],
    ['a key on a device', ['identityfile /a'], { '/a': { kind: 'securityKey' } }, []],
    ['a certificate beside it', ['identityfile /a'], { '/a': { hasCertificate: true } }, []],
    ['a certificate in the agent', [], {}, ['ssh-ed25519-cert-v01@openssh.com AAAA']],
    ['the home of another user', ['identityfile ~other/k'], {}, []],
    ['a token that only OpenSSH knows', ['identityfile /k-%C'], {}, []],
    ['an agent of its own', ['identityagent ~/.1password/agent.sock'], {}, [one]],
  ] as const)('with OpenSSH where only that tries the same keys: %s', (_name, lines, files, agentKeys) => {
    expect(propose(lines, context(files, { agentKeys })).loginNeedsOpenssh).not.toEqual([]);
  });

  it('with a password where keys are off, or where there are none', () => {
    for (const line of ['pubkeyauthentication false', 'preferredauthentications password,publickey']) {
      const { endpoint } = propose([line], context({}, { agentKeys: [one] }));
      expect(endpoint.authentication).toEqual({ method: 'password' });
    }
    const { endpoint, notes } = propose(
      ['identityfile /gone', 'identityagent none'],
      context({}, { agentKeys: [one] }),
    );
    expect(endpoint.authentication).toEqual({ method: 'password' });
    expect(notes.join()).toMatch(/\/gone.*no key/);
  });

  it('not at all where ssh gives up itself', () => {
    expect(propose(['identityfile ${NOPE}/k']).problem).toContain('NOPE is not set');
    expect(propose(['identityfile ${KEYS/k']).problem).toContain('not closed');
    expect(propose(['identityfile /k%']).problem).toContain('single %');
  });

  it.each([
    ['proxycommand nc %h %p', 'ProxyCommand'],
    ['certificatefile ~/.ssh/id-cert.pub', 'CertificateFile'],
    ['gssapiauthentication yes', 'GSSAPI'],
    ['hostkeyalias other', 'HostKeyAlias'],
    ['knownhostscommand /bin/true', 'KnownHostsCommand'],
    ['userknownhostsfile /dev/null', 'UserKnownHostsFile'],
    ['userknownhostsfile none', 'UserKnownHostsFile'],
    ['pkcs11provider /lib/p11.so', 'PKCS11Provider'],
    ['securitykeyprovider /lib/sk.so', 'SecurityKeyProvider'],
    ['bindaddress 10.0.0.9', 'BindAddress'],
    ['addressfamily inet6', 'AddressFamily'],
    ['kexalgorithms diffie-hellman-group14-sha1', 'KexAlgorithms'],
    ['revokedhostkeys /krl', 'RevokedHostKeys'],
    ['checkhostip yes', 'CheckHostIP'],
    ['stricthostkeychecking true', 'StrictHostKeyChecking'],
    ['user ${USER}-%h', 'User'],
    ['quantumtunnel yes', '“quantumtunnel”'],
  ])('with OpenSSH where it says %s', (line, words) => {
    expect(propose([line]).needsOpenssh.join()).toContain(words);
  });

  it('with its own SSH where a keyword is off, or is what the whole system has', () => {
    for (const line of [
      'proxycommand none',
      'checkhostip no',
      'addressfamily any',
      'forwardagent no',
      'tunnel false',
    ]) {
      expect(propose([line]), line).toMatchObject({ needsOpenssh: [], notes: [expect.stringContaining('no key')] });
    }
    const system = parseSshSettings(
      [...defaults, 'gssapiauthentication yes', 'ciphers a,b', 'sendenv LANG'].join('\n'),
    );
    const { defaults: none } = context().baselines;
    const about = context({}, { baselines: { defaults: none, system } });
    const ofSystem = propose(['gssapiauthentication yes', 'ciphers a,b', 'sendenv LANG'], about);
    expect(ofSystem).toMatchObject({ needsOpenssh: [], ownNotes: [] });
    // Which files are read is no policy: the system's choice is one, too.
    const files = parseSshSettings('userknownhostsfile /system');
    const elsewhere = context({}, { baselines: { defaults: none, system: files } });
    expect(propose(['userknownhostsfile /system'], elsewhere).needsOpenssh).toHaveLength(1);
  });

  it.each([
    ['localforward 1 [a]:2', 'LocalForward'],
    ['remotecommand tmux', 'RemoteCommand'],
    ['forwardagent yes', 'ForwardAgent'],
    ['controlpath /run/x', 'ControlPath'],
    ['stricthostkeychecking accept-new', 'StrictHostKeyChecking'],
    ['tunnel point-to-point', 'Tunnel'],
  ])('saying that %s is left out', (line, words) => {
    expect(propose([line]).notes.join()).toContain(words);
  });
});

describe('tokens and variables', () => {
  const settings = parseSshSettings('host box\nhostname box.example\nuser root\nport 22');
  const about = { ...context(), home: '/home/$&me', environment: { A: '%h', B: '${A}' } };
  it('are expanded once', () => {
    const valueOf = (text: string) => expandIdentityFile(text, settings, about);
    expect(valueOf('~/%n-%h-%p-%r-%u-%%-%i-%k-%L-%l')).toEqual({
      kind: 'value',
      value: '/home/$&me/box-box.example-22-root-me-%-1000-box-desk-desk.example',
    });
    expect(valueOf('%d/x')).toEqual({ kind: 'value', value: '/home/$&me/x' });
    expect(valueOf('${A}/${B}/$A')).toEqual({ kind: 'value', value: '%h/${A}/$A' });
    expect(valueOf('/x/%C')).toEqual({ kind: 'unknown' });
    expect(valueOf('${toString}')).toMatchObject({ kind: 'refused' });
  });

  it('in ProxyJump are those of the host behind it, without variables', () => {
    expect(expandProxyJump('%r@jump-%h:22,b-%n', settings)).toEqual({
      kind: 'value',
      value: 'root@jump-box.example:22,b-box',
    });
    expect(expandProxyJump('${A}', settings)).toEqual({ kind: 'value', value: '${A}' });
    expect(expandProxyJump('%d', settings)).toEqual({ kind: 'unknown' });
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
