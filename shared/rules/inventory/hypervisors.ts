/** What the settings of a hypervisor come to, in words and for comparing. Pure. */
import type { HypervisorSettings } from '../../model/host.ts';

/** For people, on one line: which hypervisor, and how it is spoken to. */
export function hypervisorWords(hypervisor: HypervisorSettings): { readonly title: string; readonly value: string } {
  switch (hypervisor.kind) {
    case 'libvirt':
      return { title: 'libvirt URI', value: hypervisor.uri };
    case 'unknown':
      return { title: 'Hypervisor', value: `${hypervisor.written.kind} (needs a newer Snaptree)` };
  }
}

/**
 * The same for the same hypervisor spoken to in the same way. Ids of visitors are made from it, and stand in locks on
 * hosts: for libvirt it is the URI alone, as it was before there were others, and no URI begins like the rest.
 */
export function hypervisorKey(hypervisor: HypervisorSettings): string {
  switch (hypervisor.kind) {
    case 'libvirt':
      return hypervisor.uri;
    case 'unknown':
      return `unknown ${JSON.stringify(hypervisor.written)}`;
  }
}
