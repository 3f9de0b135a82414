/** Plans that make a new VM from another. */
import { randomUUID } from 'node:crypto';
import { Option } from '@commander-js/extra-typings';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findSnapshot } from '../names.ts';
import { examples } from '../program.ts';
import { printPlan, scriptOption } from './plan-command.ts';
import type { PlanCommand } from './plan-command.ts';
import { collect, filesByTarget, hostOption, uriOption } from './shared-options.ts';

export function addClonePlan(plan: PlanCommand, context: CommandContext): void {
  plan
    .command('clone')
    .summary('plan a new VM from the disks of another')
    .description(
      'Plan a new VM with the devices of another, a new UUID and new MAC addresses: a full clone, whose images are copies, or with --thin a ' +
        'thin instance, whose images are overlays on those of the other. It is not started.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<name>', 'name of the new VM')
    .option('--thin', 'overlays on the images instead of copies; both VMs need these images from then on')
    .option('--snapshot <name>', 'the state of this snapshot (as the disks are now where it is not given)')
    .addOption(
      new Option(
        '--image <target=file>',
        'the new image of a disk; can be given several times (beside the image of the other VM where it is not given)',
      ).argParser(collect),
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan clone web web-test --snapshot before-upgrade',
        'snaptree plan clone golden web-7 --thin',
        'snaptree plan clone golden web-7 --thin --image vda=/srv/fast/web-7.qcow2 --json > plan.json',
      ),
    )
    .action(async (vm, name, _options, command) => {
      const options = command.optsWithGlobals();
      const imagePaths =
        filesByTarget(options.image ?? []) ??
        command.error('error: --image is given once a disk, as in --image vda=/srv/fast/web-7.qcow2', {
          exitCode: exitCodes.usage,
        });
      await printPlan(context, options, vm, (found) => ({
        action: 'cloneVm',
        vmUuid: found.uuid,
        snapshotId: options.snapshot === undefined ? null : findSnapshot(options.snapshot, found).id,
        kind: options.thin === true ? 'thin' : 'full',
        newVm: { uuid: randomUUID(), name },
        ...(options.image && { imagePaths }),
      }));
    });
}
