import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { SnaptreeError } from '../../../../shared/errors.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { confirmed, runPlan } from '../follow.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { hostOfUri } from '../targets.ts';
import { linesOf } from './plan-command.ts';
import { uriOption } from './shared-options.ts';

export function addRun(program: Program, context: CommandContext): void {
  program
    .command('run')
    .summary('run a plan from a file')
    .description(
      'Run a plan that “snaptree plan … --json” wrote. The host is read and the change planned again first; it is run only ' +
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
        const inFile = parsePlanFile(await readPlanFile(file), file === '-' ? 'What came on stdin' : file);
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

async function readPlanFile(file: string): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SnaptreeError('fileNotFound', `The plan file cannot be read: ${reason}. Nothing was done.`);
  }
}
