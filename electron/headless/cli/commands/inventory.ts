import type { Inventory, Vm } from '../../../../shared/model/inventory.ts';
import { chainOfDisk, imagesById } from '../../../../shared/rules/chains/chains.ts';
import { templatesOf, type Template } from '../../../../shared/rules/chains/templates.ts';
import { vmProblems } from '../../../../shared/rules/findings/problems.ts';
import type { HostReading } from '../client.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { unreadOf, unreadWords } from '../names.ts';
import { shown, shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { oneHost, readHosts } from '../targets.ts';
import { tableLines } from '../text/table.ts';
import { presentStateWords } from '../../../../shared/rules/text/state-words.ts';
import { bytes, count, utc } from '../text/words.ts';
import { uriOption } from './shared-options.ts';

export function addInventory(program: Program, context: CommandContext): void {
  program
    .command('inventory')
    .summary('list the VMs of a host')
    .description(
      'Read a host and list its VMs: state, snapshots, longest chain, what is wrong. With --json everything that was ' +
        'read: VMs, disks, snapshots, images, file systems.',
    )
    .argument('[host]', 'name or id of the host; can be left out where there is only one')
    .addOption(uriOption())
    .addHelpText(
      'after',
      examples(
        'snaptree inventory kvm1',
        'snaptree inventory --uri qemu+ssh://root@kvm1.example:2222/system',
        "snaptree inventory kvm1 --json | jq '.inventory.vms[].name'",
      ),
    )
    .action(async (host, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', async ({ client }) => {
        const target = await oneHost(context, client, { uri: options.uri, text: host });
        const { readings } = await readHosts(context, client, [target]);
        let unread = 0;
        for (const reading of readings) {
          if (options.json === true) printDocument(context, reading);
          else printText(context, reading);
          unread += warnOfUnread(context, reading, options.json === true);
        }
        return unread === 0 ? exitCodes.done : exitCodes.partlyUnread;
      });
    });
}

function printDocument(context: CommandContext, reading: HostReading): void {
  const { host, inventory } = reading;
  context.document('inventory', {
    schema: 'snaptree.inventory',
    version: 1,
    host: { id: host.id, name: host.name },
    inventory,
    unread: unreadWords(unreadOf(reading), host.name),
  });
}

/** Says on stderr what could not be read, where the data does not; gives how much it was. */
export function warnOfUnread(
  context: CommandContext,
  reading: HostReading,
  quiet: boolean,
  facts = unreadOf(reading),
): number {
  if (!quiet) {
    for (const { what, reason } of facts.slice(0, 20)) {
      context.warn(`Not read on ${reading.host.name}: ${what}: ${reason}`);
    }
    if (facts.length > 20) context.warn(`… and ${facts.length - 20} more that could not be read; --json has them all.`);
  }
  return facts.length;
}

/** The exit code of something that was read and printed. */
export function readingExitCode(unread: number): ExitCode {
  return unread === 0 ? exitCodes.done : exitCodes.partlyUnread;
}

function printText({ output }: CommandContext, { host, inventory }: HostReading): void {
  const paint = output.paint.out;
  const images = imagesById(inventory.images);
  const { hypervisor } = inventory;
  const versions = [hypervisor.version && `${hypervisor.kind} ${hypervisor.version}`, hypervisor.emulator];
  const known = versions.filter((version) => version !== null && version !== '').join(', ');
  const lines = [
    `${paint('bold', shown(host.name))}  ${shownSentence(known)}  ${utc(inventory.readAt)}`,
    count(inventory.vms.length, 'VM'),
    '',
    ...tableLines([
      ['VM', 'STATE', 'SNAPSHOTS', 'CHAIN', 'UUID', 'PROBLEMS'].map((text) => ({
        text,
        paint: (plain: string) => paint('dim', plain),
      })),
      ...[...inventory.vms].sort(byName).map((vm) => {
        if (!vm.readable) {
          const text = shownSentence(`could not be read: ${vm.reason}`);
          return [shown(vm.name ?? '-'), 'unreadable', '-', '-', shown(vm.uuid), { text, paint: red }];
        }
        const depths = vm.disks.map((disk) => chainOfDisk(disk, images)?.images.length ?? 0);
        const problems = vmProblems(vm, images, inventory.hypervisor.kind);
        const [first] = problems;
        const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
        return [
          shown(vm.name),
          presentStateWords(vm),
          String(vm.snapshots.length),
          String(Math.max(0, ...depths)),
          shown(vm.uuid),
          first ? { text: `${shownSentence(first.message)}${more}`, paint: red } : '',
        ];
      }),
    ]),
    ...templateLines(inventory),
    ...(inventory.filesystems.length > 0 ? [''] : []),
    ...storageLines(inventory.filesystems),
  ];
  output.text(`${lines.join('\n')}\n`);

  function red(text: string): string {
    return paint('red', text);
  }
}

/** Which VMs hang on which images together, as an outline. */
function templateLines(inventory: Inventory): readonly string[] {
  const linesOf = ({ image, vms, templates, instances }: Template, depth: number): readonly string[] => {
    const margin = '  '.repeat(depth);
    const own = vms.length === 0 ? '' : `  (template ${vms.map(({ name }) => shown(name)).join(', ')})`;
    return [
      `${margin}${shown(image.id)}${own}`,
      ...instances.map(
        ({ vm, targets }) =>
          `${margin}  ${shown(vm.name)}  ${targets.map(shown).join(', ')}  ${count(vm.snapshots.length, 'snapshot')}`,
      ),
      ...templates.flatMap((each) => linesOf(each, depth + 1)),
    ];
  };
  const templates = templatesOf(inventory);
  return templates.length === 0
    ? []
    : ['', 'Templates and their instances:', ...templates.flatMap((each) => linesOf(each, 1))];
}

/** Folders that lie on the same storage, as far as its figures tell, are one line. */
function storageLines(filesystems: Inventory['filesystems']): readonly string[] {
  const groups = Map.groupBy(
    filesystems,
    ({ freeBytes, totalBytes }) => `${bytes(freeBytes)} of ${bytes(totalBytes)} free`,
  );
  return [...groups].map(([room, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` and ${count(others.length, 'other folder')}`;
    return `${room}: ${shown(first?.folder ?? '')}${more}`;
  });
}

function byName(a: Vm, b: Vm): number {
  return (a.name ?? '').localeCompare(b.name ?? '', 'en') || (a.uuid < b.uuid ? -1 : 1);
}
