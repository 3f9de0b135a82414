/** What is typed into the host form, and the settings that it makes. Pure. */
import { hostSettingsSchema, type HostSettings } from '../../shared/model/host.ts';

export interface HostForm {
  readonly name: string;
  readonly transport: 'ssh' | 'local';
  readonly address: string;
  readonly port: string;
  readonly user: string;
  readonly method: 'agent' | 'keyFile' | 'password';
  readonly keyPath: string;
  readonly libvirtUri: string;
}

/** The form for a new host. */
export function emptyForm(userName: string): HostForm {
  return {
    name: '',
    transport: 'ssh',
    address: '',
    port: '22',
    user: userName,
    method: 'agent',
    keyPath: '',
    libvirtUri: 'qemu:///system',
  };
}

/** The form for settings that exist. */
export function formOf({ name, connection, libvirtUri }: HostSettings, userName: string): HostForm {
  const form = { ...emptyForm(userName), name, libvirtUri };
  if (connection.transport !== 'ssh') return { ...form, transport: 'local' };
  const { address, port, user, authentication } = connection;
  return {
    ...form,
    address,
    port: String(port),
    user,
    method: authentication.method,
    keyPath: authentication.method === 'keyFile' ? authentication.path : '',
  };
}

export type FormErrors = Partial<Record<keyof HostForm, string>>;

export type FormResult =
  { readonly settings: HostSettings; readonly errors: null } | { readonly settings: null; readonly errors: FormErrors };

const fieldOfPath: Readonly<Record<string, keyof HostForm>> = {
  name: 'name',
  libvirtUri: 'libvirtUri',
  'connection.address': 'address',
  'connection.port': 'port',
  'connection.user': 'user',
  'connection.authentication.path': 'keyPath',
};

/**
 * Settings as the contract takes them, or for each field what is wrong with it. A host without a name gets its address
 * for one; it is the schema that judges, the one that the main process judges by as well.
 */
export function settingsOf(form: HostForm): FormResult {
  const address = form.address.trim();
  const fallbackName = form.transport === 'local' ? 'This computer' : address;
  const parsed = hostSettingsSchema.safeParse({
    name: form.name.trim() === '' ? fallbackName : form.name,
    connection:
      form.transport === 'local'
        ? { transport: 'local' }
        : {
            transport: 'ssh',
            address,
            port: /^\d+$/.test(form.port.trim()) ? Number(form.port) : Number.NaN,
            user: form.user,
            authentication:
              form.method === 'keyFile' ? { method: 'keyFile', path: form.keyPath } : { method: form.method },
          },
    libvirtUri: form.libvirtUri,
  });
  if (parsed.success) return { settings: parsed.data, errors: null };
  const errors: FormErrors = {};
  for (const issue of parsed.error.issues) {
    const field = fieldOfPath[issue.path.join('.')];
    if (field === undefined || errors[field] !== undefined) continue;
    errors[field] = field === 'port' ? 'Must be a number from 1 to 65535.' : sentence(issue.message);
  }
  // The name stands in for the address only while it is empty; that is the address's fault.
  if (form.name.trim() === '' && errors.address !== undefined) delete errors.name;
  if (errors.keyPath !== undefined) errors.keyPath = 'Give the path of the private key file.';
  return { settings: null, errors };
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
