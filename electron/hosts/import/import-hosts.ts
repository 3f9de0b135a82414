/** Hosts that could be added to the host book, from what a user has already: `~/.ssh/config`, or libvirt URIs. */
import type { ImportCandidate, ImportSource } from '../../../shared/contract.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Host } from '../../../shared/model/host.ts';

/** What can be imported from `source`. Throws `importFailed` where nothing can be read at all. */
export function importableHosts(_source: ImportSource, _known: readonly Host[]): Promise<readonly ImportCandidate[]> {
  return Promise.reject(new SnaptreeError('importFailed', 'Importing hosts is not built yet.'));
}
