/** From what `ssh -G` says to how Snaptree would connect: a pure function over values. */
import type { Authentication, SshEndpoint } from '../../../shared/model/host.ts';
import type { SshSettings } from '../openssh/ssh-settings.ts';
import { settingOf } from '../openssh/ssh-settings.ts';

export interface ProposalContext {
  /** What `ssh -G` says where the user configured nothing: tells a choice from a default. */
  readonly baseline: SshSettings;
  readonly home: string;
  /** The name of the user on this computer. */
  readonly localUser: string;
  /** SSH_AUTH_SOCK; null where there is no agent. */
  readonly agentSocket: string | null;
  /** What the file is; null where there is none. `securityKey`: it only names a key on a device (FIDO). */
  readonly keyFile: (path: string) => KeyFile | null;
}

export type KeyFile = 'private' | 'public' | 'securityKey' | 'unreadable';

export interface Proposal {
  /** For Snaptree's own SSH. */
  readonly endpoint: SshEndpoint;
  /** Why the system's OpenSSH is needed, each a sentence; none where Snaptree's own SSH does. */
  readonly needsOpenssh: readonly string[];
  readonly notes: readonly string[];
}

function isSame(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return (one ?? []).join('\n') === (other ?? []).join('\n');
}

/** The tokens of ssh_config(5) that IdentityFile takes; null where one is in it that is not known here. */
export function expandTokens(
  value: string,
  settings: SshSettings,
  context: Pick<ProposalContext, 'home' | 'localUser'>,
): string | null {
  const tokens: Readonly<Record<string, string | null>> = {
    '%%': '%',
    '%d': context.home,
    '%h': settingOf(settings, 'hostname'),
    '%n': settingOf(settings, 'host'),
    '%p': settingOf(settings, 'port'),
    '%r': settingOf(settings, 'user'),
    '%u': context.localUser,
  };
  const plain = value.replace(/^"(.*)"$/, '$1');
  const expansionOf = (token: string) => (Object.hasOwn(tokens, token) ? (tokens[token] ?? null) : null);
  if ((plain.match(/%./g) ?? []).some((token) => expansionOf(token) === null)) return null;
  return plain.replace(/%./g, (token) => expansionOf(token) ?? token).replace(/^~(?=\/|$)/, () => context.home);
}

function opensshReasons(settings: SshSettings, context: ProposalContext): string[] {
  const { baseline } = context;
  const value = (keyword: string) => settingOf(settings, keyword);
  const reasons: string[] = [];
  const because = (what: string) => reasons.push(`It is reached with the system's OpenSSH, because of ${what}.`);
  if (value('proxycommand') !== null) because('its ProxyCommand');
  if (settings.has('certificatefile') && value('certificatefile') !== null)
    because('its certificate (CertificateFile)');
  if (value('gssapiauthentication') === 'yes' && settingOf(baseline, 'gssapiauthentication') !== 'yes') {
    because('GSSAPIAuthentication');
  }
  if (value('hostkeyalias') !== null) because('its HostKeyAlias');
  if (value('knownhostscommand') !== null) because('its KnownHostsCommand');
  if (!isSame(settings.get('userknownhostsfile'), baseline.get('userknownhostsfile'))) {
    because('its own file of host keys (UserKnownHostsFile)');
  }
  if (!isSame(settings.get('globalknownhostsfile'), baseline.get('globalknownhostsfile'))) {
    because('its own file of host keys (GlobalKnownHostsFile)');
  }
  if (value('pkcs11provider') !== null) because('its PKCS#11 device (PKCS11Provider)');
  const provider = value('securitykeyprovider');
  if (provider !== null && provider !== 'internal') because('its SecurityKeyProvider');
  for (const keyword of ['bindaddress', 'bindinterface']) {
    if (value(keyword) !== null) because(`its ${keyword === 'bindaddress' ? 'BindAddress' : 'BindInterface'}`);
  }
  const agent = value('identityagent');
  const usual = agent === null || agent === 'SSH_AUTH_SOCK' || agent === context.agentSocket;
  if (!usual) because('its own agent (IdentityAgent)');
  return reasons;
}

function chooseAuthentication(
  settings: SshSettings,
  context: ProposalContext,
): { authentication: Authentication; notes: string[]; needsOpenssh: string[] } {
  const notes: string[] = [];
  const needsOpenssh: string[] = [];
  const off = (keyword: string) => ['no', 'false'].includes(settingOf(settings, keyword) ?? '');
  const preferred = (settingOf(settings, 'preferredauthentications') ?? '').split(',');
  if (off('pubkeyauthentication') || /^(password|keyboard-interactive)$/.test(preferred[0] ?? '')) {
    return { authentication: { method: 'password' }, notes, needsOpenssh };
  }
  const all = settings.get('identityfile') ?? [];
  const isDefault = isSame(all, context.baseline.get('identityfile'));
  const found: { path: string; kind: KeyFile }[] = [];
  for (const each of all.filter((value) => value.toLowerCase() !== 'none')) {
    const path = expandTokens(each, settings, context);
    const kind = path === null ? null : context.keyFile(path);
    if (path !== null && kind !== null) found.push({ path, kind });
    else if (!isDefault) notes.push(`The key file ${each} is not there, and is left out.`);
  }
  if (!isDefault && found.some(({ kind }) => kind === 'securityKey')) {
    needsOpenssh.push("It is reached with the system's OpenSSH, because its key lies on a security key.");
  }
  for (const { path } of found.filter(({ kind }) => kind === 'unreadable' && !isDefault)) {
    notes.push(`The key file ${path} cannot be read by you.`);
  }
  const identitiesOnly = settingOf(settings, 'identitiesonly') === 'yes';
  const [first, ...others] = found.filter(({ kind }) => kind === 'private' || kind === 'unreadable');
  const useFile = first !== undefined && (!isDefault || context.agentSocket === null);
  if (useFile) {
    if (others.length > 0 && !isDefault) {
      notes.push(`Of several key files only the first is used: ${first.path}.`);
    }
    if (identitiesOnly) notes.push('Only this key file is used, and no key of the agent (IdentitiesOnly).');
    return { authentication: { method: 'keyFile', path: first.path }, notes, needsOpenssh };
  }
  if (identitiesOnly) {
    notes.push(
      'IdentitiesOnly is not carried over: all keys of the agent are offered. Where the host allows few attempts, choose a key file.',
    );
  }
  return { authentication: { method: 'agent' }, notes, needsOpenssh };
}

/** @param settings what `ssh -G` says for the host, jump hosts apart */
export function proposeEndpoint(settings: SshSettings, context: ProposalContext): Proposal {
  const { authentication, notes, needsOpenssh } = chooseAuthentication(settings, context);
  const forwards = ['localforward', 'remoteforward', 'dynamicforward'].some((keyword) => settings.has(keyword));
  return {
    endpoint: {
      address: settingOf(settings, 'hostname') ?? '',
      port: Number(settingOf(settings, 'port') ?? 22),
      user: settingOf(settings, 'user') ?? context.localUser,
      authentication,
    },
    needsOpenssh: [...opensshReasons(settings, context), ...needsOpenssh],
    notes: [
      ...notes,
      ...(forwards ? ['Its forwardings of ports are not set up.'] : []),
      ...(settingOf(settings, 'remotecommand') === null ? [] : ['Its RemoteCommand is not run.']),
    ],
  };
}

export interface Jump {
  readonly destination: string;
  readonly port: number | null;
  readonly user: string | null;
}

function parseJump(text: string): Jump | null {
  const [, user, bracketed, plain, port] =
    /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:[\]]+|[^[\]]*:[^[\]]*:[^[\]]*))(?::(\d{1,5}))?\/?$/.exec(
      text.trim(),
    ) ?? [];
  const destination = bracketed ?? plain;
  if (destination === undefined || destination === '') return null;
  return { destination, port: port === undefined ? null : Number(port), user: user ?? null };
}

/** The hosts of a ProxyJump (`user@host:port,…`, `ssh://…`, IPv6 in brackets), in their order; null where one is not understood. */
export function parseProxyJump(value: string): readonly Jump[] | null {
  if (value.trim().toLowerCase() === 'none') return [];
  const jumps = value.split(',').map(parseJump);
  return jumps.every((each) => each !== null) ? jumps : null;
}
