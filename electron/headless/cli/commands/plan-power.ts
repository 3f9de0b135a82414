import { Argument, Option } from '@commander-js/extra-typings';
import { powerChanges, shutdownSeconds } from '../../../../shared/rules/power/power-changes.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { examples } from '../program.ts';
import { printPlan, scriptOption, type PlanCommand } from './plan-command.ts';
import { hostOption, uriOption, wholeNumber } from './shared-options.ts';

/** `plan power`: start, end or pause a VM. */
export function addPowerPlan(plan: PlanCommand, context: CommandContext): void {
  plan
    .command('power')
    .summary('plan to start, shut down, force off, pause or resume a VM')
    .description(
      'Plan to start a VM, to end it or to let it stand still, in the words of libvirt: start, shutdown (the guest is asked, and has ' +
        `${shutdownSeconds} seconds for it), destroy (force off: what the guest has not written is lost; no disk is removed), suspend (pause) and resume.`,
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .addArgument(new Argument('<change>', 'what to do').choices(powerChanges))
    .addOption(
      new Option('--wait <seconds>', 'shutdown only: how long the guest has for it').argParser(wholeNumber(1, 3600)),
    )
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan power web shutdown --wait 600',
        'snaptree plan power web start --json > plan.json',
        'snaptree plan power web destroy',
      ),
    )
    .action(async (vm, to, _options, command) => {
      const options = command.optsWithGlobals();
      if (options.wait !== undefined && to !== 'shutdown') {
        command.error('error: --wait is for shutdown only; everything else is done at once', {
          exitCode: exitCodes.usage,
        });
      }
      await printPlan(context, options, vm, (found) => ({
        action: 'changePower',
        vmUuid: found.uuid,
        to,
        ...(options.wait !== undefined && { waitSeconds: options.wait }),
      }));
    });

  addSavedMemoryPlans(plan, context);
}

/** `plan save`, `restore` and `discard`: the memory of a guest beside its disks. */
function addSavedMemoryPlans(plan: PlanCommand, context: CommandContext): void {
  plan
    .command('save')
    .summary('plan to save the memory of a VM and end it')
    .description(
      'Plan to write what the guest of a VM has in memory to the storage and to end the VM. libvirt keeps it for the next start, which goes on from there; ' +
        'with --file it is in a file of its own, for “snaptree plan restore”.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .option('--file <file>', 'a new file on the host')
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText('after', examples('snaptree plan save web', 'snaptree plan save web --file /srv/saved/web.memory'))
    .action(async (vm, _options, command) => {
      const options = command.optsWithGlobals();
      await printPlan(context, options, vm, (found) => ({
        action: 'saveMemory',
        vmUuid: found.uuid,
        file: options.file ?? null,
      }));
    });

  plan
    .command('restore')
    .summary('plan to let a VM go on from memory in a file')
    .description(
      'Plan to let the guest of a VM go on from a file that “snaptree plan save --file” or “virsh save” made. Refused where its disks were written to since.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<file>', 'the file on the host')
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText('after', examples('snaptree plan restore web /srv/saved/web.memory'))
    .action(async (vm, file, _options, command) => {
      await printPlan(context, command.optsWithGlobals(), vm, (found) => ({
        action: 'restoreMemory',
        vmUuid: found.uuid,
        file,
      }));
    });

  plan
    .command('discard')
    .summary('plan to give up the memory that libvirt saved for a VM')
    .description(
      'Plan to remove the memory that libvirt keeps for the next start of a VM: it boots from its disks then, as after a power cut.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText('after', examples('snaptree plan discard web'))
    .action(async (vm, _options, command) => {
      await printPlan(context, command.optsWithGlobals(), vm, (found) => ({
        action: 'discardMemory',
        vmUuid: found.uuid,
      }));
    });
}
