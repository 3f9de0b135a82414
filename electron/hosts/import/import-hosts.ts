/** Hosts that could be added to the host book, from what a user has already: `~/.ssh/config`, or libvirt URIs. */
import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import type { ImportCandidate, ImportSource } from '../../../shared/contract.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import { enteredSettingsSchema } from '../../../shared/model/host.ts';
import type { Connection, Host, HypervisorSettings, SshEndpoint } from '../../../shared/model/host.ts';
import { hypervisorKey } from '../../../shared/rules/inventory/hypervisors.ts';
import { systemErrorCode } from '../../store/files.ts';
import { resolveSshSettings, settingOf } from '../openssh/ssh-settings.ts';
import type { Environment, ResolvedSettings, SettingsRequest, SshSettings } from '../openssh/ssh-settings.ts';
import { readAliases } from './config-aliases.ts';
import { expandProxyJump } from './expansion.ts';
import { parseLibvirtUri } from './libvirt-uri.ts';
import type { LibvirtUri } from './libvirt-uri.ts';
import { inspectKeyFile, readAgentKeys } from './local-keys.ts';
import { parseProxyJump, proposeEndpoint } from './ssh-proposal.ts';
import type { ProposalContext } from './ssh-proposal.ts';
import type { Classified } from './ssh-keywords.ts';

/** How many `ssh -G` run at once. */
const atOnce = 4;
const maximumJumps = 8;
const systemConfig = '/etc/ssh/ssh_config';
const installSsh =
  'Install OpenSSH (Debian and Ubuntu: openssh-client; Fedora: openssh-clients), or enter the hosts by hand.';

const valuesOfNow =
  "The configuration decides anew at each connection (Match exec); these are the values of now. For others, choose the system's OpenSSH in the settings.";

export interface ImportOptions {
  /** Instead of `~/.ssh/config` and the system's configuration. */
  readonly configFile?: string;
  readonly environment?: Environment;
}

interface Importer {
  readonly configFile: string | null;
  readonly environment: Environment;
  readonly context: ProposalContext;
}

/** What is known of how to reach a host, before it has a name in the host book. */
interface Found {
  readonly origin: string;
  readonly name: string;
  readonly outcome:
    { connection: Connection; hypervisor: HypervisorSettings; notes: readonly string[] } | { problem: string };
}

/**
 * What can be imported from `source`; names are free in the host book and used once.
 *
 * Values come from `ssh -G`, so that Include, Match, ProxyJump, patterns and tokens hold. That runs the commands in
 * `Match exec` of the user's configuration, as ssh in the terminal does, and looks names up where CanonicalizeHostname is
 * on; nothing is connected to. What is wrong with one alias is its candidate's `problem`.
 *
 * Throws `importFailed` where nothing can be read at all: no configuration, or no ssh.
 */
export async function importableHosts(
  source: ImportSource,
  known: readonly Host[],
  options: ImportOptions = {},
): Promise<readonly ImportCandidate[]> {
  const importer = await createImporter(options);
  const found = source.kind === 'uri' ? [await fromUri(importer, source.uri.trim())] : await fromSshConfig(importer);
  const taken = new Set(known.map(({ name }) => name.toLowerCase()));
  return found.map((each) => toCandidate(each, known, taken));
}

async function createImporter(options: ImportOptions): Promise<Importer> {
  const environment = options.environment ?? process.env;
  const configFile = options.configFile ?? null;
  const baselineOf = async (file: string): Promise<SshSettings> => {
    const resolved = await resolveSshSettings({ destination: 'snaptree.invalid', configFile: file, environment });
    return resolved.kind === 'settings' ? resolved.settings : new Map<string, string[]>();
  };
  const defaults = await baselineOf('none');
  const system = configFile === null && existsSync(systemConfig) ? await baselineOf(systemConfig) : defaults;
  // As ssh does: by the user database, not by HOME.
  const { homedir: home, username: localUser, uid: localUserId } = userInfo();
  const socket = environment['SSH_AUTH_SOCK'];
  const agentSocket = socket === undefined || socket === '' ? null : socket;
  const context: ProposalContext = {
    ...{ home, localUser, localUserId, localHost: hostname(), environment, agentSocket },
    baselines: { defaults, system },
    agentKeys: agentSocket === null ? [] : await readAgentKeys(environment),
    keyFile: inspectKeyFile,
  };
  return { configFile, environment, context };
}

function resolve(importer: Importer, request: Pick<SettingsRequest, 'destination' | 'port' | 'user'>) {
  const { configFile, environment } = importer;
  return resolveSshSettings({ ...request, configFile, environment });
}

/** Applies `work` to each, a few at once; the results stand in the order of `items`. */
async function mapSome<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

async function fromSshConfig(importer: Importer): Promise<Found[]> {
  const { home } = importer.context;
  const path = importer.configFile ?? join(home, '.ssh', 'config');
  const { aliases, problems, isDynamic } = await readAliases(path, home).catch((error: unknown) => {
    const missing = systemErrorCode(error) === 'ENOENT';
    const reason = error instanceof Error ? error.message : String(error);
    throw new SnaptreeError(
      'importFailed',
      missing
        ? `There is no ${path}, so there are no hosts to import from it. Enter the hosts by hand, or import a URI.`
        : `${path} cannot be read: ${reason}. Nothing was imported. Correct the file, or enter the hosts by hand.`,
      { data: missing ? { path } : { path, reason }, cause: error },
    );
  });
  // Once before the others, so that a missing ssh is said once.
  if ((await resolve(importer, { destination: 'snaptree.invalid' })).kind === 'noSsh') {
    throw new SnaptreeError(
      'importFailed',
      `There is no “ssh” command on this computer, which is asked what ${path} means. Nothing was imported. ${installSsh}`,
    );
  }
  const found = await mapSome(aliases, async (alias): Promise<Found> => {
    const outcome = await reach(importer, { destination: alias, port: null, user: null }, libvirtAt('qemu:///system'));
    if (!isDynamic || 'problem' in outcome || outcome.connection.transport !== 'ssh') {
      return { origin: alias, name: alias, outcome };
    }
    return { origin: alias, name: alias, outcome: { ...outcome, notes: [...outcome.notes, valuesOfNow] } };
  });
  return [...found, ...problems.map((problem) => ({ origin: basename(path), name: '', outcome: { problem } }))];
}

function libvirtAt(uri: string): HypervisorSettings {
  return { kind: 'libvirt', uri };
}

async function fromUri(importer: Importer, origin: string): Promise<Found> {
  const uri = parseLibvirtUri(origin);
  if (uri.kind === 'refused') return { origin, name: '', outcome: { problem: uri.problem } };
  const { notes } = uri;
  const hypervisor = libvirtAt(uri.uri);
  if (uri.kind === 'local') {
    return { origin, name: 'This computer', outcome: { connection: { transport: 'local' }, hypervisor, notes } };
  }
  const { host, port, user } = uri;
  const isLoginGiven = uri.keyFile !== null || uri.password;
  const outcome = await reach(importer, { destination: host, port, user }, hypervisor, isLoginGiven);
  if ('problem' in outcome) return { origin, name: host, outcome };
  const { connection, notes: more } = withAuthentication(outcome, uri);
  return { origin, name: host, outcome: { connection, hypervisor, notes: [...notes, ...more] } };
}

/** A URI's own choice of key file or password goes before what the configuration says. */
function withAuthentication(
  { connection, notes }: { connection: Connection; notes: readonly string[] },
  { keyFile, password }: Extract<LibvirtUri, { kind: 'ssh' }>,
): { connection: Connection; notes: readonly string[] } {
  if (keyFile === null && !password) return { connection, notes };
  if (connection.transport !== 'ssh') {
    return { connection, notes: [...notes, 'How to log in is left to the configuration of OpenSSH, not to the URI.'] };
  }
  const authentication =
    keyFile === null ? ({ method: 'password' } as const) : ({ method: 'keyFile', path: keyFile } as const);
  return { connection: { ...connection, authentication }, notes };
}

interface Wanted {
  readonly destination: string;
  readonly port: number | null;
  readonly user: string | null;
}

function problemOf(resolved: Exclude<ResolvedSettings, { kind: 'settings' }>, destination: string): string {
  return resolved.kind === 'noSsh'
    ? `There is no “ssh” command on this computer, which is asked how to reach ${destination}. ${installSsh}`
    : `OpenSSH cannot tell how to reach ${destination}: ${resolved.reason}.`;
}

/**
 * How to reach a destination: with Snaptree's own SSH where it can do what ssh would, else with the system's OpenSSH.
 *
 * @param isLoginGiven the key file or the password is said elsewhere, and not looked for in the configuration
 */
async function reach(
  importer: Importer,
  wanted: Wanted,
  hypervisor: HypervisorSettings,
  isLoginGiven = false,
): Promise<Found['outcome']> {
  const resolved = await resolve(importer, wanted);
  if (resolved.kind !== 'settings') return { problem: problemOf(resolved, wanted.destination) };
  const settings = withHost(resolved.settings, wanted.destination);
  const own = proposeEndpoint(settings, importer.context);
  if (own.problem !== null) return { problem: own.problem };
  const way = await jumpsOf(importer, settings, 0);
  if ('problem' in way) return way;
  const needsOpenssh = [
    ...new Set([...own.needsOpenssh, ...(isLoginGiven ? [] : own.loginNeedsOpenssh), ...way.needsOpenssh]),
  ];
  const ofTransport = needsOpenssh.length > 0 ? needsOpenssh : [...own.ownNotes, ...way.ownNotes];
  const notes = [...new Set([...ofTransport, ...own.notes, ...way.notes])];
  const connection: Connection =
    needsOpenssh.length > 0
      ? { transport: 'openssh', ...wanted }
      : { transport: 'ssh', ...own.endpoint, jumps: way.jumps };
  return { connection, hypervisor, notes };
}

/** OpenSSH before 8.7 does not print what it was asked for. */
function withHost(settings: SshSettings, destination: string): SshSettings {
  return settings.has('host') ? settings : new Map([...settings, ['host', [destination]]]);
}

interface Way extends Classified {
  readonly jumps: SshEndpoint[];
}

/**
 * The jump hosts of a host. The first is reached as its own configuration says, through jump hosts of its own perhaps;
 * the others through the one before, whatever theirs says (`ssh -J`, as ssh.c puts it).
 */
async function jumpsOf(importer: Importer, settings: SshSettings, depth: number): Promise<Way | { problem: string }> {
  const value = settingOf(settings, 'proxyjump');
  if (value === null) return { jumps: [], needsOpenssh: [], notes: [], ownNotes: [] };
  const expanded = expandProxyJump(value, settings);
  const chain = expanded.kind === 'value' ? parseProxyJump(expanded.value) : null;
  if (chain === null) return { problem: `Its jump hosts are not understood: ProxyJump ${value}.` };
  const jumps: SshEndpoint[] = [];
  const needsOpenssh: string[] = [];
  const notes: string[] = [];
  const ownNotes: string[] = [];
  for (const [index, jump] of chain.entries()) {
    const resolved = await resolve(importer, jump);
    if (resolved.kind !== 'settings') return { problem: problemOf(resolved, `the jump host ${jump.destination}`) };
    const ofJump = withHost(resolved.settings, jump.destination);
    if (index === 0) {
      if (depth >= maximumJumps)
        return { problem: `It has more than ${maximumJumps} jump hosts, or they lead in a circle.` };
      const before = await jumpsOf(importer, ofJump, depth + 1);
      if ('problem' in before) return before;
      jumps.push(...before.jumps);
      needsOpenssh.push(...before.needsOpenssh);
      notes.push(...before.notes);
      ownNotes.push(...before.ownNotes);
    }
    const proposal = proposeEndpoint(ofJump, importer.context);
    if (proposal.problem !== null) return { problem: `Jump host ${jump.destination}: ${proposal.problem}` };
    jumps.push(proposal.endpoint);
    const named = (sentence: string) => `Jump host ${jump.destination}: ${sentence}`;
    needsOpenssh.push(...[...proposal.needsOpenssh, ...proposal.loginNeedsOpenssh].map(named));
    notes.push(...proposal.notes.map(named));
    ownNotes.push(...proposal.ownNotes.map(named));
  }
  if (jumps.length > maximumJumps) return { problem: `It has more than ${maximumJumps} jump hosts.` };
  return { jumps, needsOpenssh, notes, ownNotes };
}

/** Two connections with the same key lead to the same place in the same way; how to log in does not count. */
function wayKey(connection: Connection): string {
  if (connection.transport === 'ssh') {
    const places = [...connection.jumps, connection].map(({ address, port, user }) => [
      address.toLowerCase(),
      port,
      user,
    ]);
    return JSON.stringify(places);
  }
  if (connection.transport === 'openssh') {
    return JSON.stringify(['openssh', connection.destination.toLowerCase(), connection.port, connection.user]);
  }
  return JSON.stringify(connection);
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name.toLowerCase()); number += 1) name = `${wanted} (${number})`;
  taken.add(name.toLowerCase());
  return name;
}

function toCandidate({ origin, name, outcome }: Found, known: readonly Host[], taken: Set<string>): ImportCandidate {
  const none = { origin, settings: null, notes: [], sameAs: null };
  if ('problem' in outcome) return { ...none, problem: outcome.problem };
  const { connection, hypervisor, notes } = outcome;
  const proposed = { name, connection, hypervisor, sudo: false, readOnly: false };
  const checked = enteredSettingsSchema.safeParse(proposed);
  if (!checked.success) {
    const what = checked.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`).join('; ');
    return { ...none, problem: `Its values cannot be used: ${what}.` };
  }
  const same = known.find(
    (host) =>
      wayKey(host.connection) === wayKey(checked.data.connection) &&
      hypervisorKey(host.hypervisor) === hypervisorKey(checked.data.hypervisor),
  );
  const settings = { ...checked.data, name: freeName(checked.data.name, taken) };
  return { origin, settings, problem: null, notes: [...notes], sameAs: same?.name ?? null };
}
