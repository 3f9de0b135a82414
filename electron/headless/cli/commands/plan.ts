import { Option } from '@commander-js/extra-typings';
import { imagesById } from '../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../shared/rules/inventory/disks.ts';
import { memoryFileBeside } from '../../../../shared/rules/snapshots/new-files.ts';
import { savedState } from '../../../../shared/rules/snapshots/saved-state.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findSnapshot } from '../names.ts';
import { createProgram, examples } from '../program.ts';
import type { Program } from '../program.ts';
import { addBatchPlan } from './plan-batch.ts';
import { addClonePlan } from './plan-clone.ts';
import { addMergePlans } from './plan-merge.ts';
import { addRecordPlans } from './plan-records.ts';
import { addRepairPlan } from './plan-repair.ts';
import { addPowerPlan } from './plan-power.ts';
import { addPlanCommand, printPlan, scriptOption } from './plan-command.ts';
import { collect, filesByTarget, hostOption, uriOption } from './shared-options.ts';

export function addPlan(program: Program, context: CommandContext): void {
  const plan = addPlanCommand(program);

  plan
    .command('create')
    .summary('plan a new snapshot')
    .description('Plan a new snapshot of a VM as it is now.')
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<name>', 'name of the new snapshot')
    .addOption(
      new Option(
        '--kind <kind>',
        'internal: inside the qcow2 images, with memory where the VM runs; external: overlays',
      )
        .choices(['internal', 'external'] as const)
        .default('internal' as const),
    )
    .option('--description <text>', 'description of the snapshot', '')
    .addOption(
      new Option(
        '--disk <target>',
        'external only: a disk to include, such as vda; can be given several times (all disks where it is not given)',
      ).argParser(collect),
    )
    .addOption(
      new Option(
        '--memory [file]',
        'external only, of a VM that runs: the memory as well, in this new file on the host (beside the first disk where none is named)',
      ),
    )
    .addOption(
      new Option(
        '--overlay <target=file>',
        'external only: the new file on the host that takes the writes of a disk; can be given several times (beside its image where it is not given)',
      ).argParser(collect),
    )
    .option(
      '--quiesce',
      'external only, of a VM that runs: let its guest agent freeze the file systems while the snapshot is taken; refused where no agent answers',
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan create web before-upgrade',
        'snaptree plan create web nightly --kind external --disk vda',
        'snaptree plan create web before-upgrade --kind external --memory',
        'snaptree plan create web nightly --kind external --quiesce',
        'snaptree plan create web nightly --kind external --overlay vda=/srv/fast/web.qcow2',
      ),
    )
    .action(async (vm, name, _options, command) => {
      const options = command.optsWithGlobals();
      const { kind, description } = options;
      const disks = options.disk ?? null;
      if (kind === 'internal' && disks !== null) {
        command.error('error: --disk is for external snapshots only; an internal one is made of all disks', {
          exitCode: exitCodes.usage,
        });
      }
      const memory = options.memory ?? false;
      if (kind === 'internal' && memory !== false) {
        command.error(
          'error: --memory is for external snapshots only; an internal one of a VM that runs holds the memory in any case',
          { exitCode: exitCodes.usage },
        );
      }
      const quiesce = options.quiesce === true;
      if (quiesce && (kind === 'internal' || memory !== false)) {
        command.error(
          'error: --quiesce is for external snapshots without memory only; with its memory in the snapshot the guest goes on from where it was',
          { exitCode: exitCodes.usage },
        );
      }
      const overlayPaths =
        filesByTarget(options.overlay ?? []) ??
        command.error('error: --overlay is given once a disk, as in --overlay vda=/srv/fast/web.qcow2', {
          exitCode: exitCodes.usage,
        });
      if (kind === 'internal' && options.overlay) {
        command.error('error: --overlay is for external snapshots only; an internal one is inside of the images', {
          exitCode: exitCodes.usage,
        });
      }
      await printPlan(context, options, vm, (found, inventory) => ({
        action: 'createSnapshot',
        vmUuid: found.uuid,
        kind,
        name,
        description,
        diskTargets:
          kind === 'internal'
            ? null
            : (disks ??
              writableDisks(found.disks)
                .filter(({ source }) => source !== null)
                .map(({ target }) => target)),
        ...(memory === false
          ? {}
          : // Where no disk is a file the plan says that a file must be named.
            {
              memoryFile:
                memory === true ? (memoryFileBeside(found, name, imagesById(inventory.images)) ?? '') : memory,
            }),
        ...(options.overlay && { overlayPaths }),
        ...(quiesce && { quiesce }),
      }));
    });

  plan
    .command('revert')
    .summary('plan to go back to a snapshot')
    .description(
      'Plan to put a VM back into the state of a snapshot. What it became since is saved as a snapshot of its own first, so that ' +
        '“snaptree operations undo” can bring it back.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<snapshot>', 'name of the snapshot')
    .option(
      '--save-as <name>',
      'name of the snapshot of the present state (before-revert-DATE-TIME where it is not given)',
    )
    .option('--no-save', 'save nothing first: the present state is lost')
    .option(
      '--no-save-memory',
      'of a VM that runs, where the snapshot is external: save its disks only, as after a power cut (an internal one always holds the memory)',
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples('snaptree plan revert web before-upgrade', 'snaptree plan revert web before-upgrade --no-save'),
    )
    .action(async (vm, snapshot, _options, command) => {
      const options = command.optsWithGlobals();
      if (!options.save && options.saveAs !== undefined) {
        command.error('error: --save-as and --no-save exclude each other', { exitCode: exitCodes.usage });
      }
      await printPlan(context, options, vm, (found, inventory) => {
        const target = findSnapshot(snapshot, found);
        const saving = { now: new Date(), saveAs: options.saveAs };
        const { saveAs, saveMemoryFile } = savedState(target, found, imagesById(inventory.images), saving);
        return {
          action: 'revertToSnapshot',
          vmUuid: found.uuid,
          snapshotId: target.id,
          saveAs: options.save ? saveAs : null,
          ...(options.save && options.saveMemory && saveMemoryFile !== undefined && { saveMemoryFile }),
        };
      });
    });

  plan
    .command('delete')
    .summary('plan to delete snapshots')
    .description('Plan to delete snapshots of a VM. The present state of the VM stays as it is.')
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<snapshot...>', 'names of the snapshots; external ones that are neighbours are merged at once')
    .option('--with-descendants', 'also delete everything below them in the tree')
    .addOption(
      new Option(
        '--up',
        'of an external snapshot: the overlay takes up the image that holds its data, and that image goes (otherwise the overlay goes)',
      ).conflicts('withDescendants'),
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan delete web old --with-descendants',
        'snaptree plan delete web before-upgrade --up',
        'snaptree plan delete web monday tuesday wednesday',
      ),
    )
    .action(async (vm, snapshots, _options, command) => {
      const options = command.optsWithGlobals();
      const [first = '', ...others] = snapshots;
      await printPlan(context, options, vm, (found) => ({
        action: 'deleteSnapshot',
        vmUuid: found.uuid,
        snapshotId: findSnapshot(first, found).id,
        ...(others.length > 0 && { otherSnapshotIds: others.map((each) => findSnapshot(each, found).id) }),
        withDescendants: options.withDescendants === true,
        ...(options.up === true && { direction: 'up' as const }),
      }));
    });

  addRecordPlans(plan, context);
  addMergePlans(plan, context);
  addPowerPlan(plan, context);
  addClonePlan(plan, context);
  addRepairPlan(plan, context);
  addBatchPlan(plan, context, (collecting) => {
    const lines = createProgram();
    addPlan(lines, collecting);
    return lines;
  });
}
