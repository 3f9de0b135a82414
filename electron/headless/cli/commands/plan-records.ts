import type { CommandContext } from '../context.ts';
import { findSnapshot } from '../names.ts';
import { examples } from '../program.ts';
import { printPlan, scriptOption, type PlanCommand } from './plan-command.ts';
import { hostOption, uriOption } from './shared-options.ts';

/** `plan describe` and `plan rename`: what is said of a snapshot, and what it is called. */
export function addRecordPlans(plan: PlanCommand, context: CommandContext): void {
  plan
    .command('describe')
    .summary('plan to change the description of a snapshot')
    .description('Plan to give a snapshot another description. Nothing else of it changes, and the VM notices nothing.')
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<snapshot>', 'name of the snapshot')
    .argument('<text>', 'the description; an empty one takes it away')
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText('after', examples('snaptree plan describe web before-upgrade "PHP 8.3, as it was on Friday"'))
    .action(async (vm, snapshot, description, _options, command) => {
      await printPlan(context, command.optsWithGlobals(), vm, (found) => ({
        action: 'describeSnapshot',
        vmUuid: found.uuid,
        snapshotId: findSnapshot(snapshot, found).id,
        description,
      }));
    });

  plan
    .command('rename')
    .summary('plan to rename an external snapshot')
    .description(
      'Plan to give an external snapshot another name. The data of an internal one has its name inside of the images, where nothing can change it: such a plan is refused.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<snapshot>', 'name of the snapshot')
    .argument('<name>', 'the new name')
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText('after', examples('snaptree plan rename web backup-07 before-upgrade'))
    .action(async (vm, snapshot, name, _options, command) => {
      await printPlan(context, command.optsWithGlobals(), vm, (found) => ({
        action: 'renameSnapshot',
        vmUuid: found.uuid,
        snapshotId: findSnapshot(snapshot, found).id,
        name,
      }));
    });
}
