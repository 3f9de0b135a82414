import { Option } from '@commander-js/extra-typings';
import { SnaptreeError } from '../../../../shared/errors.ts';
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest, Plan } from '../../../../shared/model/plan.ts';
import { writableDisks } from '../../../../shared/rules/disks.ts';
import { nameOfSavedState } from '../../../../shared/rules/snapshot-names.ts';
import type { CommandContext, GlobalOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findSnapshot } from '../names.ts';
import { shownLines, shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { readVm } from '../targets.ts';
import type { TargetOptions } from '../targets.ts';
import { planLines } from '../text/plan-text.ts';
import { collect, hostOption, uriOption } from './shared-options.ts';

interface PlanOptions extends GlobalOptions, TargetOptions {
  readonly script?: true | undefined;
}

const scriptOption = () =>
  new Option('--script', 'print the steps as a shell script instead; it checks and locks nothing').conflicts('json');

export function addPlan(program: Program, context: CommandContext): void {
  const plan = program
    .command('plan')
    .summary('plan a change: create, revert to or delete a snapshot')
    .description(
      'Read the host, plan a change and print the plan; nothing is changed. With --json the plan is printed as the file ' +
        'that “snaptree run” takes. A refused plan says why; its exit code is 3.',
    )
    .addHelpText(
      'after',
      examples(
        'snaptree plan create web before-upgrade',
        'snaptree plan revert web before-upgrade --json > plan.json',
        'snaptree plan delete web before-upgrade --script',
      ),
    );

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
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan create web before-upgrade',
        'snaptree plan create web nightly --kind external --disk vda',
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
      await printPlan(context, options, vm, ({ uuid, disks: all }) => ({
        action: 'createSnapshot',
        vmUuid: uuid,
        kind,
        name,
        description,
        diskTargets:
          kind === 'internal'
            ? null
            : (disks ??
              writableDisks(all)
                .filter(({ source }) => source !== null)
                .map(({ target }) => target)),
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
      await printPlan(context, options, vm, (found) => ({
        action: 'revertToSnapshot',
        vmUuid: found.uuid,
        snapshotId: findSnapshot(snapshot, found).id,
        saveAs: options.save ? (options.saveAs ?? nameOfSavedState(new Date(), found.snapshots)) : null,
      }));
    });

  plan
    .command('delete')
    .summary('plan to delete a snapshot')
    .description('Plan to delete a snapshot of a VM. The present state of the VM stays as it is.')
    .argument('<vm>', 'UUID, name or HOST/NAME of the VM')
    .argument('<snapshot>', 'name of the snapshot')
    .option('--with-descendants', 'also delete everything below it in the tree')
    .addOption(hostOption())
    .addOption(uriOption())
    .addOption(scriptOption())
    .addHelpText('after', examples('snaptree plan delete web old --with-descendants'))
    .action(async (vm, snapshot, _options, command) => {
      const options = command.optsWithGlobals();
      await printPlan(context, options, vm, (found) => ({
        action: 'deleteSnapshot',
        vmUuid: found.uuid,
        snapshotId: findSnapshot(snapshot, found).id,
        withDescendants: options.withDescendants === true,
      }));
    });
}

async function printPlan(
  context: CommandContext,
  options: PlanOptions,
  text: string,
  requestFor: (vm: ReadableVm) => ChangeRequest,
): Promise<void> {
  await context.work(options, 'readOnly', async ({ client }) => {
    const { reading, vm, unreadHosts } = await readVm(context, client, text, options);
    if (unreadHosts.length > 0) {
      const names = unreadHosts.map(({ name }) => name).join(', ');
      throw new SnaptreeError(
        'nameAmbiguous',
        `${names} could not be read, so a VM named “${text}” may be there as well. Nothing was planned. Name the host: ${reading.host.name}/${text}.`,
        { data: { candidates: `${reading.host.name}/${vm.uuid}` } },
      );
    }
    context.output.progress('Planning …');
    const plan = await client.ask('plans.create', { hostId: reading.host.id, request: requestFor(vm) });
    context.output.progress(null);
    if (options.json === true) context.document('plan', { schema: 'snaptree.plan', version: 2, plan });
    else if (options.script === true) printScript(context, plan);
    else printPlanText(context, plan);
    return planExitCode(plan);
  });
}

export function isRefused({ refusals, steps }: Plan): boolean {
  return refusals.length > 0 || steps.length === 0;
}

function planExitCode(plan: Plan): ExitCode {
  return isRefused(plan) ? exitCodes.refused : exitCodes.done;
}

function printPlanText({ output }: CommandContext, plan: Plan): void {
  output.text(`${planLines(plan, { paint: output.paint.out, unicode: output.unicode }).join('\n')}\n`);
}

function printScript({ output }: CommandContext, plan: Plan): void {
  if (isRefused(plan)) {
    output.say(output.paint.err('red', 'Refused:'));
    for (const { message } of plan.refusals) output.say(`  ${shownSentence(message)}`);
    return;
  }
  if (output.stdoutIsTerminal && shownLines(plan.script) !== plan.script) {
    throw new SnaptreeError(
      'invalidRequest',
      'The script holds characters that a terminal does not show as they are, and what is copied from there would run with other names. Nothing was printed. Write it to a file: add “> FILE”.',
    );
  }
  output.data(plan.script);
}
