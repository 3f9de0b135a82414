/**
 * What libvirt offers besides VMs and storage, and VMs need to start: virtual networks, filters of networks, and secrets. Pure.
 *
 * Where a list could not be had, as of a user who may not see it or of a driver that is not there, it is null: then nothing is known.
 */
import { attribute, child, children, type XmlElement } from './xml.ts';

export interface HostResources {
  readonly networks: ReadonlySet<string> | null;
  readonly activeNetworks: ReadonlySet<string> | null;
  readonly filters: ReadonlySet<string> | null;
  /** By UUID. */
  readonly secrets: ReadonlySet<string> | null;
}

/** What a definition needs of these. */
export interface NeededResource {
  readonly kind: 'network' | 'filter' | 'secret';
  /** Of a secret its UUID. */
  readonly name: string;
}

/** The frames in which virsh lists them, and the commands. */
export const resourceCommands = [
  ['networks', 'net-list --all --name'],
  ['active-networks', 'net-list --name'],
  ['filters', 'nwfilter-list'],
  ['secrets', 'secret-list'],
] as const;

/** @param answer what virsh said in a frame, which is nothing where a list is empty; null where there was no such frame */
export function hostResources(answer: (frame: (typeof resourceCommands)[number][0]) => string | null): HostResources {
  const names = (list: string | null) => setOf(list, (line) => line);
  return {
    networks: names(answer('networks')),
    activeNetworks: names(answer('active-networks')),
    filters: setOf(answer('filters'), (line) => /^ *[0-9a-f-]{36} (.*)$/.exec(line)?.[1]?.trim()),
    secrets: setOf(answer('secrets'), (line) => /^ *([0-9a-f-]{36})(?: |$)/.exec(line)?.[1]),
  };
}

function setOf(list: string | null, nameIn: (line: string) => string | undefined): ReadonlySet<string> | null {
  if (list === null || list.startsWith('error: ')) return null;
  return new Set(list.split('\n').flatMap((line) => (line === '' ? [] : (nameIn(line) ?? []))));
}

/** What a `<domain>` needs, each once. Disks that are left out where they are not there need nothing. */
export function resourcesNeeded(domain: XmlElement): readonly NeededResource[] {
  const devices = child(domain, 'devices');
  const interfaces = children(devices, 'interface').flatMap((each) => [
    ...(attribute(each, 'type') === 'network' ? needed('network', attribute(child(each, 'source'), 'network')) : []),
    ...needed('filter', attribute(child(each, 'filterref'), 'filter')),
  ]);
  const secrets = children(devices, 'disk')
    .filter((disk) => attribute(child(disk, 'source'), 'startupPolicy') !== 'optional')
    .flatMap(secretsIn)
    .flatMap((secret) => needed('secret', attribute(secret, 'uuid')));
  const all = [...interfaces, ...secrets];
  return [...new Map(all.map((each) => [`${each.kind} ${each.name}`, each])).values()];
}

function needed(kind: NeededResource['kind'], name: string | null): readonly NeededResource[] {
  return name === null ? [] : [{ kind, name }];
}

function secretsIn(element: XmlElement): readonly XmlElement[] {
  return element.children.flatMap((each) => (each.name === 'secret' ? [each] : secretsIn(each)));
}
