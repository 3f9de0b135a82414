/** What is typed into the host form, and the settings that it makes. Pure. */
import {
  enteredSettingsSchema,
  type Authentication,
  type Connection,
  type HostSettings,
  type HypervisorSettings,
  type SshEndpoint,
} from '../../shared/model/host.ts';

/** One SSH server, as typed. */
export interface EndpointForm {
  readonly address: string;
  readonly port: string;
  readonly user: string;
  readonly method: Authentication['method'];
  readonly keyPath: string;
}

export interface HostForm extends EndpointForm {
  readonly name: string;
  /** A host of the demo fleet cannot be entered, only edited. */
  readonly transport: Connection['transport'];
  /** First the one that is reached directly. */
  readonly jumps: readonly EndpointForm[];
  /** Of the system's OpenSSH: a name, or an alias of its configuration. Empty port and user are left to that. */
  readonly destination: string;
  readonly opensshPort: string;
  readonly opensshUser: string;
  readonly machine: Extract<Connection, { transport: 'demo' }>['machine'];
  /** Of a way to the host that only a newer version knows: cannot be edited, and is kept. */
  readonly written: Extract<Connection, { transport: 'unknown' }>['written'] | null;
  /** As typed: any of it may be wrong. */
  readonly hypervisor: HypervisorSettings;
  readonly sudo: boolean;
  readonly readOnly: boolean;
}

export function emptyEndpoint(userName: string): EndpointForm {
  return { address: '', port: '22', user: userName, method: 'agent', keyPath: '' };
}

/** The form for a new host. */
export function emptyForm(userName: string): HostForm {
  return {
    ...emptyEndpoint(userName),
    name: '',
    transport: 'ssh',
    jumps: [],
    destination: '',
    opensshPort: '',
    opensshUser: '',
    machine: 'alder',
    written: null,
    hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
    sudo: false,
    readOnly: false,
  };
}

/** The form for settings that exist. */
export function formOf({ name, connection, hypervisor, sudo, readOnly }: HostSettings, userName: string): HostForm {
  const form = { ...emptyForm(userName), name, hypervisor, sudo, readOnly, transport: connection.transport };
  switch (connection.transport) {
    case 'local':
      return form;
    case 'demo':
      return { ...form, machine: connection.machine };
    case 'unknown':
      return { ...form, written: connection.written };
    case 'ssh':
      return { ...form, ...endpointOf(connection), jumps: connection.jumps.map(endpointOf) };
    case 'openssh':
      return {
        ...form,
        destination: connection.destination,
        opensshPort: connection.port === null ? '' : String(connection.port),
        opensshUser: connection.user ?? '',
      };
  }
}

function endpointOf({ address, port, user, authentication }: SshEndpoint): EndpointForm {
  return {
    address,
    port: String(port),
    user,
    method: authentication.method,
    keyPath: authentication.method === 'keyFile' ? authentication.path : '',
  };
}

/** The fields that can be wrong. Those of a jump host are named `jumps.INDEX.FIELD`. */
export type FormErrors = Readonly<Partial<Record<string, string>>>;

export type FormResult =
  { readonly settings: HostSettings; readonly errors: null } | { readonly settings: null; readonly errors: FormErrors };

/**
 * Settings as the contract takes them, or for each field what is wrong with it. A host without a name gets its address
 * for one; it is the schema that judges, the one that the main process judges by as well.
 */
export function settingsOf(form: HostForm): FormResult {
  const named = form.name.trim() !== '';
  const parsed = enteredSettingsSchema.safeParse({
    name: named ? form.name : fallbackName(form),
    connection: connectionOf(form),
    hypervisor: form.hypervisor,
    sudo: form.sudo,
    readOnly: form.readOnly,
  });
  if (parsed.success) return { settings: parsed.data, errors: null };
  const errors: Record<string, string> = {};
  for (const issue of parsed.error.issues) {
    const field = fieldOf(issue.path.map(String), form.transport);
    // The name stands in for the address only while it is empty; that is the address's fault.
    if (field === 'name' && !named) continue;
    errors[field] ??= sentence(field, issue.message);
  }
  return { settings: null, errors };
}

function fallbackName(form: HostForm): string {
  switch (form.transport) {
    case 'local':
      return 'This computer';
    case 'openssh':
      return form.destination.trim();
    case 'demo':
    case 'unknown':
    case 'ssh':
      return form.address.trim();
  }
}

/** Not judged yet: any of it may be wrong. */
function connectionOf(form: HostForm): unknown {
  const { transport } = form;
  switch (transport) {
    case 'local':
      return { transport };
    case 'demo':
      return { transport, machine: form.machine };
    case 'unknown':
      return { transport, written: form.written };
    case 'ssh':
      return { transport, ...endpointSettings(form), jumps: form.jumps.map(endpointSettings) };
    case 'openssh':
      return {
        transport,
        destination: form.destination,
        port: form.opensshPort.trim() === '' ? null : portOf(form.opensshPort),
        user: form.opensshUser.trim() === '' ? null : form.opensshUser,
      };
  }
}

function endpointSettings({ address, port, user, method, keyPath }: EndpointForm): object {
  const authentication = method === 'keyFile' ? { method, path: keyPath } : { method };
  return { address, port: portOf(port), user, authentication };
}

function portOf(text: string): number {
  return /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
}

/** The field of the form for a path in the settings, such as `connection.jumps.0.authentication.path`. */
function fieldOf(path: readonly string[], transport: HostForm['transport']): string {
  if (path[0] !== 'connection') return path.join('.');
  const field = path
    .slice(1)
    .join('.')
    .replace(/authentication\.path$/, 'keyPath');
  if (transport !== 'openssh') return field;
  return field === 'port' ? 'opensshPort' : field === 'user' ? 'opensshUser' : field;
}

function sentence(field: string, message: string): string {
  if (/port$/i.test(field)) return 'Must be a number from 1 to 65535.';
  if (field.endsWith('keyPath')) return 'Give the path of the private key file.';
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
