/** Reads a libvirt host: VMs and snapshots in one round trip, images in a second, and in more where they lead elsewhere. */
import type { Inventory } from '../../../../shared/model/inventory.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import { createImageMemory } from '../../../images/scan/image-memory.ts';
import { readImages } from '../../../images/scan/read-images.ts';
import type { HypervisorProbe, ReadOptions } from '../../driver.ts';
import { libvirtCapabilities } from '../capabilities.ts';
import { createAsk } from './script/ask.ts';
import { inventoryScript, versionScript } from './script/batch-script.ts';
import { parseVersions, sortAnswers } from './host-answers.ts';
import { hostStateFrom, imageQuestion, inventoryFrom, withoutVanished, type HostReading } from './host-state.ts';

/**
 * Everything on the host that libvirt at `uri` manages. A VM, snapshot or image that cannot be read is in the result as
 * such.
 *
 * @throws SnaptreeError `commandNotFound`, `daemonUnavailable`, `permissionDenied` or `commandFailed` where libvirt cannot be
 * asked; `unexpectedOutput` where an answer is cut short; and what the runner throws
 */
export async function readLibvirt(
  runner: CommandRunner,
  uri: string,
  options: Omit<ReadOptions, 'memory'>,
): Promise<Inventory> {
  return (await readHost(runner, uri, options)).inventory;
}

/**
 * As `readLibvirt`, with all that a later poll needs. What it keeps is as small as can be, and parts of the inventory that
 * equal those of the reading `before` are the same objects.
 */
export async function readHost(
  runner: CommandRunner,
  uri: string,
  options: Omit<ReadOptions, 'memory'>,
  before?: HostReading,
): Promise<HostReading> {
  const ask = createAsk(runner, uri, options);
  const frames = await ask('Reading VMs and snapshots', (nonce) => inventoryScript(nonce, uri));
  const answers = await withoutVanished(sortAnswers(frames), async (uuids) =>
    sortAnswers(await ask('Reading VMs again', (nonce) => inventoryScript(nonce, uri, uuids))),
  );
  const state = await hostStateFrom(answers, before?.state);
  // A memory with nothing in it: everything is examined, and remembered.
  const imageMemory = createImageMemory();
  const { priority, signal } = options;
  const question = imageQuestion(state);
  const images = await readImages(runner, question.requests, {
    priority,
    folders: state.pools.folders,
    named: question.named,
    lookFor: question.lookFor,
    memory: imageMemory,
    ...(signal && { signal }),
  });
  const inventory = inventoryFrom(runner.hostName, state, images, before?.inventory ?? null);
  return { state, question, images, imageMemory, inventory };
}

/**
 * What answers at `uri`, for the test of a connection.
 *
 * @throws SnaptreeError as `readLibvirt`
 */
export async function probeLibvirt(runner: CommandRunner, uri: string): Promise<HypervisorProbe> {
  const ask = createAsk(runner, uri, { priority: 'user' });
  const frames = await ask('Asking for the version of libvirt', (nonce) => versionScript(nonce, uri));
  const { libvirt, emulator } = parseVersions(frames.find(({ kind }) => kind === 'version')?.body ?? '');
  return {
    software: [
      { name: 'libvirt', version: libvirt },
      ...(emulator === null
        ? []
        : [{ name: emulator.split(' ', 1)[0] ?? '', version: emulator.split(' ')[1] ?? null }]),
    ],
    capabilities: libvirtCapabilities(libvirt),
  };
}
