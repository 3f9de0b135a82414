/** From what `ssh -G` says to how Snaptree would connect: a pure function over values. */
import { resolve } from 'node:path';
import type { Authentication, SshEndpoint } from '../../../shared/model/host.ts';
import type { SshSettings } from '../openssh/ssh-settings.ts';
import { settingOf } from '../openssh/ssh-settings.ts';
import { expandIdentityFile } from './expansion.ts';
import type { LocalFacts } from './expansion.ts';
import { chooseKeys } from './identities.ts';
import type { FoundKeyFile, KeyFile } from './identities.ts';
import { because, classifyKeywords, isSame } from './ssh-keywords.ts';
import type { Baselines, Classified } from './ssh-keywords.ts';

export interface ProposalContext extends LocalFacts {
  readonly baselines: Baselines;
  /** SSH_AUTH_SOCK; null where there is no agent. */
  readonly agentSocket: string | null;
  /** The public keys in that agent, type and base64; empty where there is none, or none in it. */
  readonly agentKeys: readonly string[];
  /** What the file is; null where neither it nor a public half is there. */
  readonly keyFile: (path: string) => KeyFile | null;
}

export interface Proposal extends Classified {
  /** For Snaptree's own SSH. */
  readonly endpoint: SshEndpoint;
  /** Why the system's OpenSSH is needed for logging in, each a sentence. */
  readonly loginNeedsOpenssh: readonly string[];
  /** Why ssh itself would not connect, a sentence; null where it would. */
  readonly problem: string | null;
}

interface Login {
  readonly authentication: Authentication;
  readonly needsOpenssh: readonly string[];
  readonly notes: readonly string[];
  readonly problem: string | null;
}

/** The key files of a host that are there. */
function findKeyFiles(
  settings: SshSettings,
  context: ProposalContext,
): { files: FoundKeyFile[]; areNamed: boolean } & Pick<Login, 'needsOpenssh' | 'notes' | 'problem'> {
  const written = settings.get('identityfile') ?? [];
  const areNamed = !isSame(written, context.baselines.defaults.get('identityfile'));
  const files: FoundKeyFile[] = [];
  const notes: string[] = [];
  const needsOpenssh: string[] = [];
  let problem: string | null = null;
  for (const each of written.filter((value) => value.toLowerCase() !== 'none')) {
    const expanded = expandIdentityFile(each, settings, context);
    if (expanded.kind === 'refused') {
      problem ??= `ssh does not connect with “IdentityFile ${each}”: ${expanded.reason}.`;
    } else if (expanded.kind === 'unknown') {
      needsOpenssh.push(because(`its IdentityFile ${each}, which only OpenSSH can find`));
    } else {
      const path = resolve(expanded.value);
      const file = context.keyFile(path);
      if (file !== null) files.push({ path, ...file });
      else if (areNamed) notes.push(`The key file ${each} is not there, and is left out.`);
    }
  }
  return { files, areNamed, needsOpenssh, notes, problem };
}

function chooseLogin(settings: SshSettings, context: ProposalContext): Login {
  const isOff = (keyword: string) => ['no', 'false'].includes(settingOf(settings, keyword) ?? '');
  const preferred = (settingOf(settings, 'preferredauthentications') ?? '').split(',');
  if (isOff('pubkeyauthentication') || /^(password|keyboard-interactive)$/.test(preferred[0] ?? '')) {
    return { authentication: { method: 'password' }, needsOpenssh: [], notes: [], problem: null };
  }
  const found = findKeyFiles(settings, context);
  const identityAgent = settingOf(settings, 'identityagent');
  const isUsual = identityAgent === null || identityAgent === 'SSH_AUTH_SOCK' || identityAgent === context.agentSocket;
  // `none` is told apart from nothing said.
  const agent = settings.get('identityagent')?.[0]?.toLowerCase() === 'none' ? [] : context.agentKeys;
  const identitiesOnly = ['yes', 'true'].includes(settingOf(settings, 'identitiesonly') ?? '');
  const choice = chooseKeys(found.files, agent, { identitiesOnly, areNamed: found.areNamed });
  return {
    authentication: choice.authentication,
    needsOpenssh: [
      ...found.needsOpenssh,
      ...(isUsual ? [] : [because('its own agent (IdentityAgent)')]),
      ...choice.needsOpenssh.map(because),
    ],
    notes: [...found.notes, ...choice.notes],
    problem: found.problem,
  };
}

/** @param settings what `ssh -G` says for the host, jump hosts apart */
export function proposeEndpoint(settings: SshSettings, context: ProposalContext): Proposal {
  const { authentication, needsOpenssh, notes, problem } = chooseLogin(settings, context);
  const classified = classifyKeywords(settings, context.baselines);
  const user = settingOf(settings, 'user') ?? context.localUser;
  // OpenSSH 10 expands these when it logs in; earlier ones take them as they are.
  const userNeedsOpenssh = /%|\$\{/.test(user) ? [because(`its User ${user}`)] : [];
  return {
    endpoint: {
      address: settingOf(settings, 'hostname') ?? '',
      port: Number(settingOf(settings, 'port') ?? 22),
      user,
      authentication,
    },
    needsOpenssh: [...classified.needsOpenssh, ...userNeedsOpenssh],
    loginNeedsOpenssh: needsOpenssh,
    notes: [...notes, ...classified.notes],
    ownNotes: classified.ownNotes,
    problem,
  };
}

export interface Jump {
  readonly destination: string;
  readonly port: number | null;
  readonly user: string | null;
}

function parseJump(text: string): Jump | null {
  const plain = text
    .trim()
    .replace(/^ssh:\/\//, '')
    .replace(/\/$/, '');
  const at = plain.lastIndexOf('@');
  const place = plain.slice(at + 1);
  const user = at < 0 ? null : plain.slice(0, at);
  const [, bracketed, ofBracketed] = /^\[([^[\]]+)\](?::(\d{1,5}))?$/.exec(place) ?? [];
  const [, named, ofNamed] = /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(place) ?? [];
  // An IPv6 address without brackets has no port.
  const bare = !/[[\]]/.test(place) && place.split(':').length > 2 ? place : undefined;
  const destination = bracketed ?? named ?? bare;
  const port = ofBracketed ?? ofNamed;
  if (destination === undefined || user === '') return null;
  return { destination, port: port === undefined ? null : Number(port), user };
}

/** The hosts of a ProxyJump (`user@host:port,…`, `ssh://…`, IPv6 in brackets), in their order; null where one is not understood. */
export function parseProxyJump(value: string): readonly Jump[] | null {
  if (value.trim().toLowerCase() === 'none') return [];
  const jumps = value.split(',').map(parseJump);
  return jumps.every((each) => each !== null) ? jumps : null;
}
