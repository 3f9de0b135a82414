/** The `plan` command, and what every command below it does: make a plan and print it. */
import { Option } from '@commander-js/extra-typings';
import { SnaptreeError } from '../../../../shared/errors.ts';
import type { Host } from '../../../../shared/model/host.ts';
import type { ChangeRequest, Plan } from '../../../../shared/model/plan.ts';
import type { Client } from '../client.ts';
import type { AskedPlan, CommandContext, GlobalOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { FoundVm } from '../names.ts';
import { shownLines, shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { readVm } from '../targets.ts';
import type { TargetOptions } from '../targets.ts';
import { planLines } from '../text/plan-text.ts';

export interface PlanOptions extends GlobalOptions, TargetOptions {
  readonly script?: true | undefined;
}

/** Below it stand the kinds of change. */
export function addPlanCommand(program: Program) {
  return program
    .command('plan')
    .summary('plan a change of snapshots, a merge of images, or a start or end of a VM')
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
        'snaptree plan merge web --base web.qcow2',
        'snaptree plan power web shutdown',
      ),
    );
}

export type PlanCommand = ReturnType<typeof addPlanCommand>;

export const scriptOption = () =>
  new Option('--script', 'print the steps as a shell script instead; it checks and locks nothing').conflicts('json');

/**
 * Reads the VM that `text` names, plans what `requestFor` asks for, and prints the plan. Throws what reading and naming throw,
 * and `nameAmbiguous` where a host that could not be read may have the VM as well.
 */
export async function printPlan(
  context: CommandContext,
  options: PlanOptions,
  text: string,
  requestFor: AskedPlan['requestFor'],
): Promise<void> {
  if (context.collectPlan) {
    context.collectPlan({ options, text, requestFor });
    return;
  }
  await printPlanOfHost(context, options, text, (vm, inventory) => Promise.resolve(requestFor(vm, inventory)));
}

/** As `printPlan`, for a request that more of the host must be read for: none of a batch. */
export async function printPlanOfHost(
  context: CommandContext,
  options: PlanOptions,
  text: string,
  requestFor: (
    vm: FoundVm['vm'],
    inventory: FoundVm['reading']['inventory'],
    onHost: { readonly client: Client; readonly hostId: string },
  ) => Promise<ChangeRequest>,
): Promise<void> {
  await context.work(options, 'readOnly', async ({ client }) => {
    const { reading, vm, unreadHosts } = await readVm(context, client, text, options);
    refuseUnread(text, { reading, vm }, unreadHosts);
    context.output.progress('Planning …');
    const plan = await client.ask('plans.create', {
      hostId: reading.host.id,
      request: await requestFor(vm, reading.inventory, { client, hostId: reading.host.id }),
    });
    context.output.progress(null);
    if (options.json === true) context.document('plan', { schema: 'snaptree.plan', version: 2, plan });
    else if (options.script === true) printScript(context, plan);
    else context.output.text(`${linesOf(plan, client, context, 'out').join('\n')}\n`);
    return planExitCode(plan);
  });
}

/** Throws `nameAmbiguous` where a host could not be read that might have a VM of that name as well. */
export function refuseUnread(text: string, { reading, vm }: FoundVm, unreadHosts: readonly Host[]): void {
  if (unreadHosts.length === 0) return;
  const names = unreadHosts.map(({ name }) => name).join(', ');
  throw new SnaptreeError(
    'nameAmbiguous',
    `${names} could not be read, so a VM named “${text}” may be there as well. Nothing was planned. Name the host: ${reading.host.name}/${text}.`,
    { data: { candidates: `${reading.host.name}/${vm.uuid}` } },
  );
}

export function isRefused({ refusals, steps }: Plan): boolean {
  return refusals.length > 0 || steps.length === 0;
}

function planExitCode(plan: Plan): ExitCode {
  return isRefused(plan) ? exitCodes.refused : exitCodes.done;
}

/** A plan for the eye, with what was last read of its host. `stream` is where it goes. */
export function linesOf(
  plan: Plan,
  client: Client,
  { output: { paint, unicode } }: CommandContext,
  stream: 'out' | 'err',
): readonly string[] {
  const event = client.present('inventory', { hostId: plan.hostId });
  const before = event.kind === 'all' ? event.state.inventory : null;
  return planLines(plan, before, { paint: paint[stream], unicode });
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
