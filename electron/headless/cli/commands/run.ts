import type { BatchPlan } from '../../../../shared/model/batch.ts';
import type { CommandContext, GlobalOptions, Work } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { confirmed, runPlan } from '../follow.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { hostOfUri } from '../targets.ts';
import { count } from '../text/words.ts';
import { linesOf } from './plan-command.ts';
import { uriOption } from './shared-options.ts';

export function addRun(program: Program, context: CommandContext): void {
  program
    .command('run')
    .summary('run a plan or a batch from a file')
    .description(
      'Run a plan or a batch that “snaptree plan … --json” wrote. The host is read and the change planned again first; it is run only ' +
        'where host and steps are the same as in the file. Asks for confirmation, or takes --yes. Ctrl-C stops before the ' +
        'next step; a second Ctrl-C leaves, and the step that runs goes on on the host.',
    )
    .argument('<planfile>', 'the file; - for stdin')
    .option('-y, --yes', 'do not ask for confirmation')
    .option(
      '--take-over <operation>',
      'where this operation, of a Snaptree that is gone for good, holds the VM, take its lock over; refused while something of it runs on the host',
    )
    .addOption(uriOption())
    .addHelpText(
      'after',
      examples(
        'snaptree plan create web before-upgrade --json > plan.json && snaptree run plan.json',
        'snaptree plan delete web old --json | snaptree run --yes -',
      ),
    )
    .action(async (file, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async (work) => {
        const { client } = work;
        const { checkSamePlan, hostOfPlan, parsePlanFile } = await import('../plan-file.ts');
        const { parseBatchFile } = await import('../batch-file.ts');
        const { readCommandFile } = await import('../read-file.ts');
        const name = file === '-' ? 'What came on stdin' : file;
        const text = await readCommandFile(file, 'The plan file');
        const batch = parseBatchFile(text, name);
        if (batch !== null) return runBatch(context, work, batch, options);
        const inFile = parsePlanFile(text, name);
        const host =
          options.uri === undefined
            ? hostOfPlan(inFile, client.hosts())
            : await hostOfUri(context, client, options.uri);
        context.output.progress(`Reading ${host.name} …`);
        await client.connect(host);
        const plan = await client.ask('plans.create', { hostId: host.id, request: inFile.request });
        context.output.progress(null);
        checkSamePlan(inFile, plan);
        if (options.yes !== true) {
          for (const line of linesOf(plan, client, context, 'err')) context.output.say(line);
        }
        if (!(await confirmed(work, 'Run this plan?', options.yes === true))) {
          context.output.say('Nothing was done.');
          return exitCodes.refused;
        }
        return runPlan(context, work, plan, options);
      });
    });
}

/** Plans the batch of a file again, asks, and follows it to its end. */
async function runBatch(
  context: CommandContext,
  work: Work,
  inFile: BatchPlan,
  options: GlobalOptions & { readonly yes?: true | undefined },
): Promise<ExitCode> {
  const { client } = work;
  const { hostOfPlan } = await import('../plan-file.ts');
  const { checkSameBatch } = await import('../batch-file.ts');
  const { canRun } = await import('../../../../shared/rules/operations/batch-items.ts');
  const { batchPlanLines } = await import('../text/batch-text.ts');
  const { followBatch } = await import('../follow-batch.ts');
  const hosts = new Map(inFile.items.map((item) => [item.hostId, hostOfPlan(item, client.hosts())] as const));
  context.output.progress(`Reading ${count(hosts.size, 'host')} …`);
  // One that cannot be reached has its changes left out, with the reason; where they were not before, the batch is not as it was planned.
  await Promise.allSettled([...hosts.values()].map((host) => client.connect(host)));
  const requests = inFile.items.map(({ hostId, request }) => ({ hostId: hosts.get(hostId)?.id ?? hostId, request }));
  const batchPlan = await client.ask('batches.plan', { requests });
  context.output.progress(null);
  checkSameBatch(inFile, batchPlan);
  if (!canRun(batchPlan) || options.yes !== true) {
    for (const line of batchPlanLines(batchPlan, context.output.paint.err)) context.output.say(line);
  }
  if (!canRun(batchPlan)) return exitCodes.refused;
  if (!(await confirmed(work, 'Run this batch?', options.yes === true))) {
    context.output.say('Nothing was done.');
    return exitCodes.refused;
  }
  const { batchId } = await client.ask('batches.start', { batchPlanId: batchPlan.id });
  return followBatch(context, work, batchId, options);
}
