/** Which hosts a command is about, and reading them. */
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Host } from '../../../shared/model/host.ts';
import { hypervisorKey } from '../../../shared/rules/inventory/hypervisors.ts';
import type { Client, HostReading } from './client.ts';
import type { CommandContext } from './context.ts';
import { findHost, findVm, splitVmWords } from './names.ts';
import type { FoundVm } from './names.ts';

export interface TargetOptions {
  readonly host?: string | undefined;
  readonly uri?: string | undefined;
}

/** The host that `--uri` names: one of the host book where that is reached in the same way, else a visitor. */
export async function hostOfUri(context: CommandContext, client: Client, uri: string): Promise<Host> {
  const { candidates } = await client.ask('hosts.importable', { source: { kind: 'uri', uri } });
  const [candidate] = candidates;
  if (!candidate?.settings) {
    throw new SnaptreeError(
      'invalidRequest',
      `${uri} cannot be used: ${candidate?.problem ?? 'nothing is known of it.'} Examples: qemu:///system for this computer, qemu+ssh://root@kvm1.example/system.`,
    );
  }
  const { settings, sameAs, notes } = candidate;
  const known = client.hosts().find(({ name }) => name === sameAs);
  if (known && hypervisorKey(known.hypervisor) === hypervisorKey(settings.hypervisor)) return known;
  for (const note of notes) context.warn(note);
  const visitor = client.application.addVisitor({ ...settings, name: uri.slice(0, 200) });
  if (visitor.readOnly)
    context.warn('The host book has a host at this address as read-only, so it is read-only here too.');
  return visitor;
}

/** The one host that is named, by option or by the text. Throws `hostNotFound`. */
export async function oneHost(
  context: CommandContext,
  client: Client,
  options: TargetOptions & { readonly text?: string | undefined },
): Promise<Host> {
  if (options.uri !== undefined) return hostOfUri(context, client, options.uri);
  const text = options.text ?? options.host;
  if (text !== undefined) return findHost(text, client.hosts());
  const hosts = client.hosts();
  const [only] = hosts;
  if (only && hosts.length === 1) return only;
  throw new SnaptreeError(
    'hostNotFound',
    hosts.length === 0
      ? 'The host book is empty. Add a host with “snaptree hosts add”, or name one with --uri.'
      : `Which host? There is: ${hosts.map(({ name }) => name).join(', ')}. Name one with --host.`,
  );
}

/** Reads hosts at once. Throws the first reason where none could be read; says the others on stderr. */
export async function readHosts(
  context: CommandContext,
  client: Client,
  hosts: readonly Host[],
): Promise<{ readonly readings: readonly HostReading[]; readonly unreadHosts: readonly Host[] }> {
  const names = hosts.map(({ name }) => name).join(', ');
  context.output.progress(`Reading ${hosts.length > 3 ? `${hosts.length} hosts` : names} …`);
  const results = await Promise.allSettled(hosts.map((host) => client.read(host)));
  context.output.progress(null);
  const readings = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failures = results.flatMap((result, index) => {
    const host = hosts[index];
    return result.status === 'rejected' && host ? [{ host, reason: result.reason as unknown }] : [];
  });
  const [first] = failures;
  if (first && readings.length === 0) throw first.reason;
  for (const { reason } of failures) context.warn(reason instanceof Error ? reason.message : String(reason));
  return { readings, unreadHosts: failures.map(({ host }) => host) };
}

export interface VmTarget extends FoundVm {
  /** Hosts that might have a VM of that name too, but could not be read. */
  readonly unreadHosts: readonly Host[];
}

/** The hosts on which what `text` names is to be looked for, and `text` without a host in front. */
export async function placesOf(
  context: CommandContext,
  client: Client,
  text: string,
  options: TargetOptions,
): Promise<{ readonly hosts: readonly Host[]; readonly name: string }> {
  if (options.uri !== undefined || options.host !== undefined) {
    return { hosts: [await oneHost(context, client, options)], name: text };
  }
  const hosts = client.hosts();
  // A path on a host begins with a slash; no host has an empty name.
  const words = splitVmWords(text, hosts);
  if (words.host) return { hosts: [words.host], name: words.vm };
  if (hosts.length === 0) await oneHost(context, client, options);
  return { hosts, name: text };
}

/**
 * Finds the VM that `text` names (`VM` or `HOST/VM`) by reading the host that is named, or all of the host book. Throws
 * what reading throws, `vmNotFound`, `nameAmbiguous`, `vmUnreadable`.
 */
export async function readVm(
  context: CommandContext,
  client: Client,
  text: string,
  options: TargetOptions,
): Promise<VmTarget> {
  const { hosts, name } = await placesOf(context, client, text, options);
  const { readings, unreadHosts } = await readHosts(context, client, hosts);
  return { ...findVm(name, readings), unreadHosts };
}
