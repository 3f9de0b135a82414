/**
 * Every keyword of ssh_config(5) (OpenSSH 8.4 to 10.3, with Debian's patches for GSSAPI), by what becomes of it where a
 * host is imported. What is not among them is not known here, and left to OpenSSH.
 */
import type { SshSettings } from '../openssh/ssh-settings.ts';
import { settingOf } from '../openssh/ssh-settings.ts';

/** What the settings of the host say in their own way, or what only helps to find them. */
const carried: readonly string[] = [
  ...['host', 'hostname', 'port', 'user', 'proxyjump', 'tag', 'match', 'include', 'ignoreunknown'],
  ...['identityfile', 'identitiesonly', 'identityagent', 'pubkeyauthentication', 'preferredauthentications'],
  ...['passwordauthentication', 'kbdinteractiveauthentication', 'challengeresponseauthentication'],
  ...['canonicaldomains', 'canonicalizefallbacklocal', 'canonicalizehostname', 'canonicalizemaxdots'],
  'canonicalizepermittedcnames',
];

/** What decides neither where a connection goes nor whether it stands: terminals, logs, waiting, what others are offered. */
const harmless: readonly string[] = [
  ...['addkeystoagent', 'batchmode', 'channeltimeout', 'clearallforwardings', 'compression', 'connectionattempts'],
  ...['connecttimeout', 'enableescapecommandline', 'enablesshkeysign', 'escapechar', 'exitonforwardfailure'],
  ...['fingerprinthash', 'forkafterauthentication', 'forwardx11timeout', 'forwardx11trusted', 'gatewayports'],
  ...['gssapidelegatecredentials', 'gssapiclientidentity', 'gssapiserveridentity', 'gssapikexalgorithms'],
  ...['gssapirenewalforcesrekey', 'gssapitrustdns', 'hashknownhosts', 'hostbasedacceptedalgorithms'],
  ...['hostbasedkeytypes', 'ipqos', 'kbdinteractivedevices', 'localcommand', 'loglevel', 'logverbose'],
  ...['numberofpasswordprompts', 'obscurekeystroketiming', 'permitremoteopen', 'proxyusefdpass', 'rekeylimit'],
  ...['requesttty', 'serveralivecountmax', 'serveraliveinterval', 'sessiontype', 'stdinnull', 'streamlocalbindmask'],
  ...['streamlocalbindunlink', 'syslogfacility', 'tcpkeepalive', 'tunneldevice', 'updatehostkeys'],
  ...['versionaddendum', 'visualhostkey', 'warnweakcrypto', 'xauthlocation', 'controlmaster', 'controlpersist'],
];

/** What is left out in both ways of connecting, each with what to say about it. */
const leftOut: Readonly<Record<string, string>> = {
  controlpath: 'A shared connection of ssh (ControlPath) is not used: Snaptree logs in by itself.',
  dynamicforward: 'Its forwardings of ports (DynamicForward) are not set up.',
  forwardagent: 'The agent is not forwarded (ForwardAgent).',
  forwardx11: 'X11 is not forwarded (ForwardX11).',
  localforward: 'Its forwardings of ports (LocalForward) are not set up.',
  permitlocalcommand: 'Its LocalCommand is not run.',
  remotecommand: 'Its RemoteCommand is not run.',
  remoteforward: 'Its forwardings of ports (RemoteForward) are not set up.',
  tunnel: 'Its tunnel (Tunnel) is not set up.',
};

/** What Snaptree's own SSH leaves out, and login does not depend on. */
const leftOutByOwn: Readonly<Record<string, string>> = {
  sendenv: 'Variables of the environment are not sent (SendEnv).',
  setenv: 'Variables of the environment are not sent (SetEnv).',
};

/** What only OpenSSH can do, each as what to name it by. */
const needsOpenssh: Readonly<Record<string, string>> = {
  addressfamily: 'its AddressFamily',
  bindaddress: 'its BindAddress',
  bindinterface: 'its BindInterface',
  certificatefile: 'its certificate (CertificateFile)',
  checkhostip: 'its CheckHostIP',
  globalknownhostsfile: 'its own file of host keys (GlobalKnownHostsFile)',
  hostbasedauthentication: 'its HostbasedAuthentication',
  hostkeyalias: 'its HostKeyAlias',
  knownhostscommand: 'its KnownHostsCommand',
  nohostauthenticationforlocalhost: 'its NoHostAuthenticationForLocalhost',
  pkcs11provider: 'its PKCS#11 device (PKCS11Provider)',
  proxycommand: 'its ProxyCommand',
  refuseconnection: 'its RefuseConnection, with which ssh refuses to connect',
  requiredrsasize: 'its RequiredRSASize',
  revokedhostkeys: 'its RevokedHostKeys',
  securitykeyprovider: 'its SecurityKeyProvider',
  userknownhostsfile: 'its own file of host keys (UserKnownHostsFile)',
  verifyhostkeydns: 'its VerifyHostKeyDNS',
};

/** The same, where it is the choice of this host and not what the whole system has: policies for algorithms, Kerberos. */
const needsOpensshBesideSystem: Readonly<Record<string, string>> = {
  casignaturealgorithms: 'its CASignatureAlgorithms',
  ciphers: 'its Ciphers',
  gssapiauthentication: 'GSSAPIAuthentication',
  gssapikeyexchange: 'GSSAPIKeyExchange',
  hostkeyalgorithms: 'its HostKeyAlgorithms',
  kexalgorithms: 'its KexAlgorithms',
  macs: 'its MACs',
  pubkeyacceptedalgorithms: 'its PubkeyAcceptedAlgorithms',
  pubkeyacceptedkeytypes: 'its PubkeyAcceptedKeyTypes',
};

const settled: ReadonlySet<string> = new Set([
  ...[...carried, ...harmless, ...Object.keys(leftOut), ...Object.keys(leftOutByOwn), ...Object.keys(needsOpenssh)],
  ...[...Object.keys(needsOpensshBesideSystem), 'stricthostkeychecking'],
]);

export interface Baselines {
  /** What `ssh -G` says without any configuration. */
  readonly defaults: SshSettings;
  /** What it says with the configuration of the system alone. */
  readonly system: SshSettings;
}

export interface Classified {
  /** Why the system's OpenSSH is needed, each a sentence; none where Snaptree's own SSH does. */
  readonly needsOpenssh: readonly string[];
  /** What is not carried over, each a sentence. */
  readonly notes: readonly string[];
  /** The same, where the host is reached with Snaptree's own SSH. */
  readonly ownNotes: readonly string[];
}

export function isSame(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return (one ?? []).join('\n') === (other ?? []).join('\n');
}

export const because = (what: string): string => `It is reached with the system's OpenSSH, because of ${what}.`;

function isOff(settings: SshSettings, keyword: string): boolean {
  const value = settingOf(settings, keyword);
  return value === null || ['no', 'false', 'any', 'none'].includes(value.toLowerCase());
}

/** What becomes of all that a host's configuration says, but for what its settings carry. */
export function classifyKeywords(settings: SshSettings, { defaults, system }: Baselines): Classified {
  const openssh: string[] = [];
  const notes: string[] = [];
  const ownNotes: string[] = [];
  const differs = (keyword: string, from: SshSettings) => !isSame(settings.get(keyword), from.get(keyword));
  for (const keyword of settings.keys()) {
    if (!settled.has(keyword)) {
      if (differs(keyword, system))
        openssh.push(because(`“${keyword}” in its configuration, which Snaptree does not know`));
      continue;
    }
    const opensshFor = needsOpenssh[keyword];
    if (opensshFor !== undefined && differs(keyword, defaults) && (!isOff(settings, keyword) || isFileOf(keyword))) {
      openssh.push(because(opensshFor));
    }
    const ofHost = needsOpensshBesideSystem[keyword];
    if (ofHost !== undefined && differs(keyword, system) && !isOff(settings, keyword)) openssh.push(because(ofHost));
    const note = leftOut[keyword];
    if (note !== undefined && differs(keyword, system) && !isOff(settings, keyword)) notes.push(note);
    const ownNote = leftOutByOwn[keyword];
    if (ownNote !== undefined && differs(keyword, system)) ownNotes.push(ownNote);
  }
  const strict = settingOf(settings, 'stricthostkeychecking') ?? 'ask';
  if (['yes', 'true'].includes(strict)) openssh.push(because('its StrictHostKeyChecking'));
  else if (strict !== 'ask')
    notes.push(`StrictHostKeyChecking ${strict} is not carried over: Snaptree asks about a host that is not known.`);
  return { needsOpenssh: openssh, notes, ownNotes };
}

/** `none` there means other files than the usual ones, too. */
function isFileOf(keyword: string): boolean {
  return keyword === 'userknownhostsfile' || keyword === 'globalknownhostsfile';
}
