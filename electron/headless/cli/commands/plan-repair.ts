import { Option } from '@commander-js/extra-typings';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { shellLine } from '../../../../shared/rules/text/shell-words.ts';
import type { Client } from '../client.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findSnapshot, type FoundVm } from '../names.ts';
import { shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import { readVm } from '../targets.ts';
import { printPlan, printPlanOfHost, scriptOption, type PlanCommand, type PlanOptions } from './plan-command.ts';
import { collect, filesByTarget, hostOption, uriOption } from './shared-options.ts';

type Found = FoundVm['vm'];
type Inventory = FoundVm['reading']['inventory'];

/** `plan repair`: records of snapshots and chains of images that do not fit each other any more. */
export function addRepairPlan(plan: PlanCommand, context: CommandContext): void {
  plan
    .command('repair')
    .summary('list or plan what mends records and chains')
    .description(
      'Without an option, list what of a VM can be mended, each with the command that plans it. No image is ever deleted.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .addOption(
      new Option(
        '--drop <snapshot>',
        'remove the record of a snapshot whose data is gone, and keep a copy of it; can be given several times',
      ).argParser(collect),
    )
    .addOption(
      new Option(
        '--move <snapshot>',
        'let the record of a snapshot name the image that its data is in now; can be given several times',
      ).argParser(collect),
    )
    .option(
      '--adopt <name>',
      'make a record of a snapshot that has none: of the internal one of that name, or with --image of an external one',
    )
    .addOption(
      new Option(
        '--image <target=file>',
        'with --adopt: the image below the active layer of a disk that holds the state; can be given several times',
      ).argParser(collect),
    )
    .option('--set-aside <file>', 'give an image that nobody needs another name beside it')
    .option('--put-back <file>', 'give an image that was set aside its name again')
    .option('--rebase <overlay>', 'with --base: the image whose backing image is missing')
    .option('--base <file>', 'with --rebase: where that backing image is now')
    .option(
      '--define [folder]',
      'define lost records again from files in a folder on the host (from the last copies that Snaptree kept where none is named)',
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan repair web',
        'snaptree plan repair web --drop nightly-07 --drop nightly-08',
        'snaptree plan repair web --adopt before-upgrade --image vda=/srv/vms/web.qcow2',
        'snaptree plan repair web --rebase /srv/vms/web.s1 --base /srv/new/web.qcow2',
      ),
    )
    .action(async (vm, _options, command) => {
      const options = command.optsWithGlobals();
      const { drop = [], move = [], adopt, image, setAside, putBack, rebase, base, define } = options;
      const usage = (message: string) => command.error(`error: ${message}`, { exitCode: exitCodes.usage });
      const ways = [
        drop.length + move.length > 0,
        adopt !== undefined,
        setAside !== undefined,
        putBack !== undefined,
        rebase !== undefined,
        define !== undefined,
      ];
      if (ways.filter(Boolean).length > 1) {
        usage('one repair at a time: --drop and --move go together, all others stand alone');
      }
      if (image !== undefined && adopt === undefined) usage('--image is for --adopt only');
      if ((rebase === undefined) !== (base === undefined)) usage('--rebase and --base are given together');
      const images =
        image === undefined
          ? null
          : (filesByTarget(image) ?? usage('--image is given once a disk, as in --image vda=/srv/vms/web.qcow2'));
      const { asideName, nameBefore } = await import('../../../../shared/rules/chains/set-aside.ts');
      const requestFor = (found: Found, inventory: Inventory): ChangeRequest => {
        const vmUuid = found.uuid;
        if (adopt !== undefined) return { action: 'adoptSnapshot', vmUuid, name: adopt, description: '', images };
        if (setAside !== undefined) {
          const known = new Set(inventory.images.map(({ id }) => id));
          const to = asideName(setAside, (path) => known.has(path));
          return { action: 'setAsideImage', vmUuid, imageId: setAside, to };
        }
        if (putBack !== undefined) {
          return { action: 'setAsideImage', vmUuid, imageId: putBack, to: nameBefore(putBack) };
        }
        if (rebase !== undefined) return { action: 'rebaseImage', vmUuid, imageId: rebase, baseId: base ?? '' };
        const ids = (names: readonly string[]) => names.map((name) => findSnapshot(name, found).id);
        return { action: 'repairRecords', vmUuid, drop: ids(drop), move: ids(move) };
      };
      if (context.collectPlan && (define !== undefined || !ways.includes(true))) {
        usage('a line of a batch is one repair that is not --define');
      }
      if (define !== undefined) {
        const folder = define === true ? null : define;
        await printPlanOfHost(context, options, vm, (found, _inventory, on) => definition(found, folder, on, context));
      } else if (ways.includes(true)) await printPlan(context, options, vm, requestFor);
      else if (options.json === true || options.script === true) usage('--json and --script are for one repair');
      else await printProposals(context, options, vm);
    });
}

type OnHost = { readonly client: Client; readonly hostId: string };

/** What of the files cannot be used is said, and the others are defined. */
async function definition(
  vm: Found,
  folder: string | null,
  { client, hostId }: OnHost,
  { output }: CommandContext,
): Promise<ChangeRequest> {
  const files = await client.ask('records.read', { hostId, vmUuid: vm.uuid, folder });
  const { defineRequest } = await import('../../../../shared/rules/repair/definable.ts');
  const { request, leftOut } = defineRequest(files, vm);
  output.say(shownSentence(`Records were looked for in ${files.folder}.`));
  for (const sentence of leftOut) output.say(shownSentence(`Left out: ${sentence}`));
  return request;
}

async function printProposals(context: CommandContext, options: PlanOptions, text: string): Promise<void> {
  await context.work(options, 'readOnly', async ({ client }) => {
    const { reading, vm } = await readVm(context, client, text, options);
    const { repairProposals } = await import('../../../../shared/rules/repair/repair-proposals.ts');
    const proposals = repairProposals(vm, reading.inventory);
    const { output } = context;
    if (proposals.length === 0) output.text('Nothing of its records and chains is known that could be mended.\n');
    for (const { title, why, request } of proposals) {
      const name = `${reading.host.name}/${vm.name}`;
      const lines = [
        output.paint.out('bold', shownSentence(`${title}.`)),
        `  ${shownSentence(why)}`,
        ...(request === null ? [] : [`  ${shellLine(['snaptree', 'plan', ...wordsFor(request, name)])}`]),
      ];
      output.text(`${lines.join('\n')}\n\n`);
    }
    return exitCodes.done;
  });
}

/** The words of the command that plans it. */
function wordsFor(request: ChangeRequest, vm: string): readonly string[] {
  switch (request.action) {
    case 'repairRecords':
      return [
        'repair',
        vm,
        ...request.drop.map((name) => `--drop=${name}`),
        ...request.move.map((name) => `--move=${name}`),
      ];
    case 'adoptSnapshot':
      return [
        'repair',
        vm,
        `--adopt=${request.name}`,
        ...Object.entries(request.images ?? {}).map(([target, path]) => `--image=${target}=${path}`),
      ];
    case 'setAsideImage':
      return request.imageId.startsWith(request.to)
        ? ['repair', vm, `--put-back=${request.imageId}`]
        : ['repair', vm, `--set-aside=${request.imageId}`];
    case 'rebaseImage':
      return ['repair', vm, `--rebase=${request.imageId}`, `--base=${request.baseId}`];
    case 'changePower':
      return ['power', vm, request.to];
    default:
      return [];
  }
}
