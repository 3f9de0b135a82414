/**
 * Tokens and variables in values of ssh_config(5) (TOKENS, ENVIRONMENT VARIABLES), where `ssh -G` prints them as they are
 * written: those of IdentityFile, and of ProxyJump.
 */
import type { SshSettings } from '../openssh/ssh-settings.ts';
import { settingOf } from '../openssh/ssh-settings.ts';

export interface LocalFacts {
  /** The user's home folder. */
  readonly home: string;
  /** Name and number of the user on this computer. */
  readonly localUser: string;
  readonly localUserId: number;
  /** The name of this computer, as gethostname(2) gives it. */
  readonly localHost: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Expanded =
  | { readonly kind: 'value'; readonly value: string }
  /** ssh itself gives up over it; `reason` is a clause. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** OpenSSH may know what it means; Snaptree does not. */
  | { readonly kind: 'unknown' };

type Tokens = Readonly<Record<string, string | null>>;

function tokensOfHost(settings: SshSettings): Tokens {
  return {
    '%%': '%',
    '%h': settingOf(settings, 'hostname'),
    '%n': settingOf(settings, 'host'),
    '%p': settingOf(settings, 'port'),
    '%r': settingOf(settings, 'user'),
  };
}

/**
 * One pass over tokens and variables, as misc.c, vdollar_percent_expand: what was put in is not looked at again.
 *
 * @param environment null where variables are no matter
 */
function expand(value: string, tokens: Tokens, environment: LocalFacts['environment'] | null): Expanded {
  let expanded = '';
  for (let at = 0; at < value.length; at += 1) {
    const character = value.charAt(at);
    if (character === '%') {
      const token = value.slice(at, at + 2);
      const replacement = Object.hasOwn(tokens, token) ? (tokens[token] ?? null) : null;
      if (token === '%') return { kind: 'refused', reason: 'it ends with a single %' };
      if (replacement === null) return { kind: 'unknown' };
      expanded += replacement;
      at += 1;
    } else if (environment !== null && value.startsWith('${', at)) {
      const end = value.indexOf('}', at);
      if (end < 0) return { kind: 'refused', reason: 'a variable in it is not closed with }' };
      const name = value.slice(at + 2, end);
      const found = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (found === undefined) {
        return { kind: 'refused', reason: `the variable ${name} is not set where Snaptree was started` };
      }
      expanded += found;
      at = end;
    } else {
      expanded += character;
    }
  }
  return { kind: 'value', value: expanded };
}

/** An IdentityFile as ssh opens it (sshconnect2.c and ssh.c, load_public_identity_files). */
export function expandIdentityFile(written: string, settings: SshSettings, facts: LocalFacts): Expanded {
  const value = written.replace(/^"(.*)"$/, '$1');
  // The home of another user is for OpenSSH to find.
  if (/^~[^/]/.test(value)) return { kind: 'unknown' };
  // First: a ~ that a variable holds means nothing.
  const ofHome = value.startsWith('~') ? `${facts.home}/${value.slice(2)}` : value;
  const tokens: Tokens = {
    ...tokensOfHost(settings),
    '%d': facts.home,
    '%i': String(facts.localUserId),
    '%k': settingOf(settings, 'hostkeyalias') ?? settingOf(settings, 'host'),
    '%L': facts.localHost.split('.', 1)[0] ?? '',
    '%l': facts.localHost,
    '%u': facts.localUser,
  };
  return expand(ofHome, tokens, facts.environment);
}

/** A ProxyJump as ssh runs it: it becomes a ProxyCommand, in which the tokens are those of the host behind the jumps. */
export function expandProxyJump(value: string, settings: SshSettings): Expanded {
  return expand(value, tokensOfHost(settings), null);
}
