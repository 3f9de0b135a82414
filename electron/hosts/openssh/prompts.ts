/** What OpenSSH asks through SSH_ASKPASS, understood. Texts: sshconnect.c, sshconnect2.c, readpass.c of OpenSSH 8.4–10. */

export type Prompt =
  | {
      readonly kind: 'hostKey';
      readonly address: string;
      readonly port: number;
      /** `ssh-ed25519`, or the word that OpenSSH uses where that does not tell the whole name (`ECDSA`). */
      readonly keyType: string;
      readonly fingerprint: string;
      /** Keys of other types are known for this host: by Snaptree's rule it has changed. */
      readonly otherKeysKnown: boolean;
    }
  | { readonly kind: 'password'; readonly user: string; readonly address: string }
  | { readonly kind: 'passphrase'; readonly keyPath: string }
  /** To be read only, while something else is waited for: “Confirm user presence for key …”. */
  | { readonly kind: 'notice'; readonly text: string }
  /** Anything else: keyboard-interactive, PINs, confirmations. `confirm`: yes or no is wanted. */
  | { readonly kind: 'text'; readonly text: string; readonly confirm: boolean };

const keyTypes: Readonly<Record<string, string>> = {
  ED25519: 'ssh-ed25519',
  RSA: 'ssh-rsa',
  DSA: 'ssh-dss',
  'ED25519-SK': 'sk-ssh-ed25519@openssh.com',
  'ECDSA-SK': 'sk-ecdsa-sha2-nistp256@openssh.com',
};

/** `[host]:port` or a bare host on port 22, as OpenSSH names hosts. */
function parseHostName(text: string): { address: string; port: number } {
  const [, address, port] = /^\[(.*)\]:(\d{1,5})$/.exec(text) ?? [];
  return address === undefined ? { address: text, port: 22 } : { address, port: Number(port) };
}

function parseHostKey(text: string): Prompt | null {
  // Anchored: what a host asks in keyboard-interactive is put behind `(user@host) ` and cannot pass for this.
  const [, host] = /^The authenticity of host '(\S+)(?: \([^'\n]*\))?' can't be established/.exec(text) ?? [];
  const [, type, fingerprint] = /^(\S+) key fingerprint is (SHA256:[A-Za-z0-9+/]+)\.?$/m.exec(text) ?? [];
  if (host === undefined || type === undefined || fingerprint === undefined) return null;
  const keyType = Object.hasOwn(keyTypes, type) ? (keyTypes[type] ?? type) : type;
  const otherKeysKnown = text.includes('keys of different type are already known for this host');
  return { kind: 'hostKey', ...parseHostName(host), keyType, fingerprint, otherKeysKnown };
}

/** @param hint SSH_ASKPASS_PROMPT: `confirm`, `none`, or empty */
export function parsePrompt(hint: string, prompt: string): Prompt {
  const text = prompt.trim();
  if (hint === 'none') return { kind: 'notice', text };
  const hostKey = parseHostKey(text);
  if (hostKey !== null) return hostKey;
  // A user name may hold an @; a host name may not.
  const [, user, address] = /^([^\n']+)@([^\s'@]+)'s password:$/.exec(text) ?? [];
  if (user !== undefined && address !== undefined && !text.startsWith('(')) return { kind: 'password', user, address };
  const [, keyPath] = /^Enter passphrase for key '([^\n]+)':$/.exec(text) ?? [];
  if (keyPath !== undefined) return { kind: 'passphrase', keyPath };
  return { kind: 'text', text, confirm: hint === 'confirm' || /\(yes\/no[^)]*\)\?$/.test(text) };
}
