import { Argument, Option } from '@commander-js/extra-typings';
import { powerChangeSchema } from '../../../../shared/model/plan.ts';
import { shutdownSeconds } from '../../../../shared/rules/power/power-refusals.ts';
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
    .addArgument(new Argument('<change>', 'what to do').choices(powerChangeSchema.options))
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
}
