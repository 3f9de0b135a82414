import { SnaptreeError } from '../../../../shared/errors.ts';
import { blockJobWords } from '../../../../shared/rules/inventory/jobs.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById } from '../../../../shared/rules/chains/chains.ts';
import { brokenChain } from '../../../../shared/rules/chains/broken-chains.ts';
import type { Chain } from '../../../../shared/rules/chains/chains.ts';
import { wordsOfUse } from '../../../../shared/rules/chains/dependents.ts';
import { dependenceOf } from '../../../../shared/rules/chains/layer-dependence.ts';
import type { Client, HostReading } from '../client.ts';
import type { CommandContext } from '../context.ts';
import { findVm, unreadWords } from '../names.ts';
import { shown } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { placesOf, readHosts } from '../targets.ts';
import type { TargetOptions } from '../targets.ts';
import { chainLines } from '../text/chain-text.ts';
import { chainsOfVm, idsIn, unreadInChains, type ReadChain } from '../vm-chains.ts';
import { readingExitCode, warnOfUnread } from './inventory.ts';
import { hostOption, uriOption } from './shared-options.ts';

interface Found {
  readonly reading: HostReading;
  readonly vm: { readonly uuid: string; readonly name: string } | null;
  readonly chains: readonly ReadChain[];
  readonly unreadHosts: number;
}

export function addChain(program: Program, context: CommandContext): void {
  program
    .command('chain')
    .summary('show the chains of images of a VM, or of an image')
    .description(
      'Show the images under each disk of a VM, from the active layer down to the base, or those under one image. An ' +
        'image is named by its path on the host.',
    )
    .argument('<vm-or-file>', 'UUID, name or HOST/NAME of a VM, or the absolute path of an image on the host')
    .addOption(hostOption())
    .addOption(uriOption())
    .addHelpText(
      'after',
      examples('snaptree chain web', 'snaptree chain /var/lib/libvirt/images/web.qcow2 --host kvm1'),
    )
    .action(async (text, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', async ({ client }) => {
        const found = await find(context, client, text, options);
        const json = options.json === true;
        if (json) printDocument(context, found);
        else printText(context, found);
        const unread = warnOfUnread(context, found.reading, json, unreadInChains(found.reading, found.chains));
        return readingExitCode(unread + found.unreadHosts);
      });
    });
}

async function find(context: CommandContext, client: Client, text: string, options: TargetOptions): Promise<Found> {
  const { hosts, name } = await placesOf(context, client, text, options);
  const { readings, unreadHosts } = await readHosts(context, client, hosts);
  if (name.startsWith('/')) {
    const matching = readings.flatMap((reading) =>
      reading.inventory.images.flatMap((image) =>
        image.id === name || image.otherPaths.includes(name) ? [{ reading, image }] : [],
      ),
    );
    const [first, ...others] = matching;
    if (first && others.length === 0) {
      const images = imagesById(first.reading.inventory.images);
      const chain = chainFrom(first.image.id, images);
      return {
        reading: first.reading,
        vm: null,
        chains: [{ target: null, blockJob: null, chain, broken: brokenChain(chain, images) }],
        unreadHosts: unreadHosts.length,
      };
    }
    const places = readings.map(({ host }) => host.name).join(', ');
    if (!first) {
      throw new SnaptreeError(
        'fileNotFound',
        `Snaptree knows no image ${name} on ${places}. It knows those of the VMs and those in the folders and pools where these lie, by the path that symbolic links lead to.`,
      );
    }
    const candidates = matching.map(({ reading }) => reading.host.name);
    throw new SnaptreeError(
      'nameAmbiguous',
      `There is an image ${name} on ${candidates.join(' and on ')}. Name the host with --host.`,
      { data: { candidates: candidates.join('\n') } },
    );
  }
  const { reading, vm } = findVm(name, readings);
  const images = imagesById(reading.inventory.images);
  return {
    reading,
    vm: { uuid: vm.uuid, name: vm.name },
    chains: chainsOfVm(vm, images),
    unreadHosts: unreadHosts.length,
  };
}

function printDocument(context: CommandContext, found: Found): void {
  const { reading, vm, chains } = found;
  const { host, inventory } = reading;
  const index = dependentsIndex(inventory);
  const imageIds = idsIn(chains);
  context.document('chain', {
    schema: 'snaptree.chain',
    version: 1,
    host: { id: host.id, name: host.name },
    vm,
    chains: chains.map(({ target, blockJob, chain }) => ({
      target,
      blockJob,
      images: [...chain.images],
      end: chain.end,
      endReference: chain.endReference,
    })),
    dependents: imageIds.map((imageId) => {
      const { childImageIds, possibleChildIds, uses, vms } = dependentsOf(imageId, index);
      return {
        imageId,
        childImageIds: [...childImageIds],
        possibleChildIds: [...possibleChildIds],
        uses: uses.map(({ vm: user, use }) => ({ vmUuid: user.uuid, vmName: user.name, use: wordsOfUse(use) })),
        vms: vms.map(({ uuid, name }) => ({ uuid, name })),
      };
    }),
    unread: unreadWords(unreadInChains(found.reading, found.chains), host.name),
  });
}

function printText({ output }: CommandContext, { reading, vm, chains }: Found): void {
  const { paint, unicode } = output;
  const index = dependentsIndex(reading.inventory);
  const told = (chain: Chain): Parameters<typeof chainLines>[2] => ({
    children: (imageId) => dependentsOf(imageId, index).childImageIds.length,
    dependence: vm && ((imageId) => dependenceOf(imageId, chain.images, vm, reading.inventory, index)),
  });
  const title = vm === null ? '' : `${paint.out('bold', shown(vm.name))}  ${shown(vm.uuid)}  `;
  const lines = [
    `${title}on ${shown(reading.host.name)}`,
    ...(chains.length === 0 ? ['No disk of this VM has an image.'] : []),
    ...chains.flatMap(({ target, blockJob, chain, broken }) => [
      ...(target === null ? [] : [paint.out('bold', shown(target))]),
      ...(blockJob === null ? [] : [paint.out('yellow', `    A block job runs: ${shown(blockJobWords(blockJob))}`)]),
      ...chainLines(chain, broken, told(chain), { paint: paint.out, unicode }),
    ]),
    ...(vm === null ? usedBy(chains[0]?.chain, reading) : []),
  ];
  output.text(`${lines.join('\n')}\n`);
}

/** Who needs the first image of a chain. */
function usedBy(chain: Chain | undefined, { inventory }: HostReading): readonly string[] {
  const [image] = chain?.images ?? [];
  if (!image) return [];
  const { vms, childImageIds, possibleChildIds, uses } = dependentsOf(image.id, dependentsIndex(inventory));
  return [
    ...(childImageIds.length > 0 ? [`Overlays on it: ${childImageIds.map(shown).join(', ')}`] : []),
    ...(possibleChildIds.length > 0
      ? [`Perhaps overlays on it (used as raw, and begin as such): ${possibleChildIds.map(shown).join(', ')}`]
      : []),
    ...uses.map(({ vm, use }) => `Named by VM ${shown(vm.name)} as ${shown(wordsOfUse(use))}`),
    vms.length > 0
      ? `VMs that need it: ${vms.map(({ name }) => shown(name)).join(', ')}`
      : 'No VM is known to need it.',
  ];
}
