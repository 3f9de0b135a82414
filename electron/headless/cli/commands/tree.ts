import { imagesById, imagesOfVm, reachedFrom } from '../../../../shared/rules/chains/chains.ts';
import { vmProblems, worstOf } from '../../../../shared/rules/findings/problems.ts';
import { lacksOf } from '../../../../shared/rules/snapshots/snapshot-lacks.ts';
import { restorePointsOf } from '../../../../shared/rules/snapshots/restore-points.ts';
import { snapshotForest } from '../../../../shared/rules/snapshots/snapshot-forest.ts';
import type { CommandContext } from '../context.ts';
import { unreadWords } from '../names.ts';
import { shown } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { readVm } from '../targets.ts';
import { treeLines, treeRows } from '../text/tree-text.ts';
import { chainsOfVm, unreadInChains } from '../vm-chains.ts';
import { presentStateWords } from '../../../../shared/rules/text/state-words.ts';
import { readingExitCode, warnOfUnread } from './inventory.ts';
import { hostOption, uriOption } from './shared-options.ts';

export function addTree(program: Program, context: CommandContext): void {
  program
    .command('tree')
    .summary('show the snapshots of a VM as a tree')
    .description('Show the snapshots of a VM as a tree, with the place where its present state hangs. Times are UTC.')
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .addOption(hostOption())
    .addOption(uriOption())
    .addHelpText(
      'after',
      examples(
        'snaptree tree web',
        'snaptree tree kvm1/web',
        "snaptree tree web --json | jq -r '.snapshots[].snapshot.name'",
      ),
    )
    .action(async (text, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', async ({ client }) => {
        const { reading, vm, unreadHosts } = await readVm(context, client, text, options);
        const { host, inventory } = reading;
        const images = imagesById(inventory.images);
        const problems = vmProblems(vm, images, inventory.hypervisor.kind);
        const own = [...reachedFrom(imagesOfVm(vm), images)];
        const unread = unreadInChains(reading, chainsOfVm(vm, images), own);
        const json = options.json === true;
        const points = restorePointsOf(vm, images);
        if (json) {
          context.document('tree', {
            schema: 'snaptree.tree',
            version: 1,
            host: { id: host.id, name: host.name },
            vm: { uuid: vm.uuid, name: vm.name, state: vm.state },
            snapshots: treeRows(snapshotForest(vm.snapshots)).map(({ node, depth }) => ({
              snapshot: node.snapshot,
              depth,
              current: node.snapshot.id === vm.currentSnapshotId,
              oddity: node.oddity,
              lacks: [...lacksOf(node.snapshot, images)],
            })),
            restorePoints: [...points],
            problems: [...problems],
            unread: unreadWords(unread, host.name),
          });
        } else {
          const { paint, unicode } = context.output;
          const lines = [
            `${paint.out('bold', shown(vm.name))}  ${presentStateWords(vm)}  ${shown(vm.uuid)}  on ${shown(host.name)}`,
            ...treeLines(vm, { paint: paint.out, unicode }, (snapshot) => worstOf(lacksOf(snapshot, images)), points),
          ];
          context.output.text(`${lines.join('\n')}\n`);
          for (const { message } of problems) context.warn(message);
        }
        return readingExitCode(warnOfUnread(context, reading, json, unread) + unreadHosts.length);
      });
    });
}
