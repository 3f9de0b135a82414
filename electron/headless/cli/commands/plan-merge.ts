/** Plans that merge images of a chain: down into one below them, or up into the active layer. */
import { Option } from '@commander-js/extra-typings';
import { highestMergeLimit, mergeLimit } from '../../../../shared/rules/snapshots/merge-proposals.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findCommitRange, findDiskToFlatten, findPullRange } from '../names.ts';
import { examples } from '../program.ts';
import { printPlan, scriptOption } from './plan-command.ts';
import type { PlanCommand } from './plan-command.ts';
import { hostOption, uriOption, wholeNumber } from './shared-options.ts';

const diskOption = () =>
  new Option('--disk <target>', 'the disk, such as vda; may be left out where only one chain holds what is named');

const limitOption = () =>
  new Option(
    '--limit <MiB/s>',
    'copy no faster than this while the VM runs (as fast as it can where it is not given)',
  ).argParser(wholeNumber(1, highestMergeLimit));

const namingHelp = `
An image is named by its path on the host, or by its file name where only one image in the VM's chains has it.
“snaptree chain VM” shows the chains.
`;

function bytesPerSecond(limit: number | undefined): number | null {
  return limit === undefined ? null : mergeLimit(limit);
}

export function addMergePlans(plan: PlanCommand, context: CommandContext): void {
  plan
    .command('merge')
    .summary('plan to merge images down into one below them (commit)')
    .description(
      'Plan to merge images of a disk down: what those from --top down to the one above --base hold goes into the base, and ' +
        'they are removed. Snapshots whose data is in an image that is written to are lost; the plan names them.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .requiredOption('--base <image>', 'the image that the others go into')
    .option('--top <image>', 'the uppermost image that is merged (the active layer where it is not given)')
    .addOption(diskOption())
    .option('--one-by-one', 'one image after the other, each a step that can be the last')
    .addOption(limitOption())
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      namingHelp +
        examples(
          'snaptree plan merge web --base web.qcow2',
          'snaptree plan merge web --base web.qcow2 --top web.monday --limit 50 --json > plan.json',
          'snaptree plan merge web --base /srv/images/web.qcow2 --disk vda --one-by-one',
        ),
    )
    .action(async (vm, _options, command) => {
      const options = command.optsWithGlobals();
      await printPlan(context, options, vm, (found, { images }) => ({
        action: 'commitImages',
        vmUuid: found.uuid,
        ranges: [findCommitRange(options, found, images)],
        oneByOne: options.oneByOne === true,
        bytesPerSecond: bytesPerSecond(options.limit),
      }));
    });

  plan
    .command('pull')
    .summary('plan to merge images up into the active layer (pull)')
    .description(
      'Plan to merge images of a disk up: the active layer takes up what the images between it and the base hold, and hangs ' +
        'on the base then, or with --flatten on nothing. The images stay as they are, and with them the snapshots in them.',
    )
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .addOption(new Option('--base <image>', 'the image that the active layer hangs on then').conflicts('flatten'))
    .option('--flatten', 'take up everything, so that the active layer needs no other image')
    .addOption(diskOption())
    .addOption(limitOption())
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      namingHelp +
        examples(
          'snaptree plan pull web --base golden.qcow2',
          'snaptree plan pull web --flatten --disk vda --limit 50',
        ),
    )
    .action(async (vm, _options, command) => {
      const options = command.optsWithGlobals();
      const { base, disk, flatten } = options;
      if (base === undefined && flatten !== true) {
        command.error('error: give --base IMAGE, or --flatten for no base at all', { exitCode: exitCodes.usage });
      }
      await printPlan(context, options, vm, (found, { images }) => ({
        action: 'pullImages',
        vmUuid: found.uuid,
        ranges: [
          base === undefined
            ? { target: findDiskToFlatten(disk, found, images), baseId: null }
            : findPullRange({ base, disk }, found, images),
        ],
        bytesPerSecond: bytesPerSecond(options.limit),
      }));
    });
}
