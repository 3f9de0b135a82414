/** Remote URIs of libvirt (https://libvirt.org/uri.html, https://libvirt.org/remote.html), taken apart. */

export type LibvirtUri =
  | { readonly kind: 'local'; readonly uri: string; readonly notes: readonly string[] }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number | null;
      readonly user: string | null;
      readonly keyFile: string | null;
      /** Only passwords are to be tried (`sshauth`). */
      readonly password: boolean;
      /** What virsh is told on the host. */
      readonly uri: string;
      readonly notes: readonly string[];
    }
  | { readonly kind: 'refused'; readonly problem: string };

const sshTransports: readonly string[] = ['ssh', 'libssh', 'libssh2'];

const transportNames: Readonly<Record<string, string>> = {
  tcp: 'an unencrypted TCP connection',
  tls: 'a TLS connection',
  ext: 'a program of its own',
};

/** Parameters that say how libvirt's client gets there, which is Snaptree's business here. */
const ofTheClient: Readonly<Record<string, string>> = {
  command: 'The program in “command” is not used: Snaptree connects with its own SSH, or with the system’s OpenSSH.',
  netcat: 'The program in “netcat” is not needed: commands run on the host itself.',
  proxy: 'The setting “proxy” is not needed: commands run on the host itself.',
  known_hosts: 'The file in “known_hosts” is not read; host keys are looked up in OpenSSH’s files and Snaptree’s own.',
  known_hosts_verify: 'The setting “known_hosts_verify” is not carried over: host keys are always checked.',
  no_verify: 'The setting “no_verify” is not carried over: host keys are always checked.',
  no_sanity: 'The setting “no_sanity” is not carried over.',
  no_tty: 'The setting “no_tty” is not carried over: Snaptree asks where something has to be asked.',
  auto: '',
};

/** Parameters that the local connection on the host understands as well. */
const carried: readonly string[] = ['socket', 'mode'];

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const refuse = (problem: string): LibvirtUri => ({ kind: 'refused', problem });

/** Never throws. A URI that is not understood, or means what Snaptree does not do, is `refused` with a sentence. */
export function parseLibvirtUri(text: string): LibvirtUri {
  const [, driver, , transport = ''] = /^([a-z][a-z0-9]*)(\+([a-z0-9]+))?:\/\//i.exec(text.trim().toLowerCase()) ?? [];
  if (driver === undefined || !URL.canParse(text.trim())) {
    return refuse('This is not a libvirt URI such as qemu+ssh://root@host.example/system.');
  }
  const url = new URL(text.trim());
  if (driver !== 'qemu' && driver !== 'test') {
    return refuse(`Snaptree works with QEMU and KVM; hosts of “${driver}” cannot be imported from a URI.`);
  }
  if (url.password !== '') return refuse('A password must not stand in a URI. Leave it out: Snaptree asks for it.');
  const path = url.pathname === '' ? '/' : url.pathname;
  if (driver === 'qemu' && path !== '/system' && path !== '/session') {
    return refuse(`The path “${path}” means no connection of QEMU that Snaptree knows: use /system or /session.`);
  }
  const notes: string[] = [];
  const kept = new URLSearchParams();
  let keyFile: string | null = null;
  let password = false;
  let remoteName: string | null = null;
  for (const [name, value] of url.searchParams) {
    if (name === 'keyfile') keyFile = value;
    else if (name === 'name') remoteName = value;
    else if (name === 'sshauth')
      password = value.split(',').every((each) => /^(password|keyboard-interactive)$/.test(each));
    else if (carried.includes(name)) kept.append(name, value);
    else if (!Object.hasOwn(ofTheClient, name)) notes.push(`The setting “${name}” is not known and not carried over.`);
    else if (ofTheClient[name] !== '') notes.push(ofTheClient[name] ?? '');
  }
  const query = [...kept].map(([name, value]) => `${name}=${encodeURI(value).replace(/[&#?]/g, encodeURIComponent)}`);
  const uri = remoteName ?? `${driver}://${path}${query.length === 0 ? '' : `?${query.join('&')}`}`;

  const host = decode(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  if (transport === '' || transport === 'unix') {
    if (host === '') return { kind: 'local', uri, notes };
    return refuse('This URI stands for a TLS connection. Snaptree works over SSH: use qemu+ssh://.');
  }
  if (!sshTransports.includes(transport)) {
    const name = Object.hasOwn(transportNames, transport) ? transportNames[transport] : `“${transport}”`;
    return refuse(`This URI stands for ${name ?? transport}. Snaptree works over SSH: use qemu+ssh://.`);
  }
  if (host === '') return refuse('This URI names no host.');
  const port = url.port === '' ? null : Number(url.port);
  const user = url.username === '' ? null : decode(url.username);
  return { kind: 'ssh', host, port, user, keyFile, password, uri, notes };
}
