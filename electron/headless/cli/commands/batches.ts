import type { Batch } from '../../../../shared/model/batch.ts';
import type { Client } from '../client.ts';
import type { CommandContext, GlobalOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findOperation } from '../names.ts';
import { shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';

/** `batches`: what became of batches, and going on with one that was cut off. */
export function addBatches(program: Program, context: CommandContext): void {
  const batches = program
    .command('batches')
    .summary('list, show, resume or forget batches')
    .description(
      'Batches are many changes that were run as one. One that was cut off (by the network, by Ctrl-C, by a crash) is resumed as ' +
        'one, or forgotten; each of its changes is an operation, which “snaptree operations” lists too.',
    )
    .addHelpText('after', examples('snaptree batches', 'snaptree batches show 3f2a', 'snaptree batches resume 3f2a'));

  batches
    .command('list', { isDefault: true })
    .summary('list batches, newest first (the default)')
    .description('List the batches that this Snaptree has begun, newest first.')
    .action(async (_options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', async ({ client }) => {
        const all = listed(client);
        if (options.json === true) {
          context.document('batches', { schema: 'snaptree.batches', version: 1, batches: [...all] });
          return exitCodes.done;
        }
        if (all.length === 0) context.output.say('There are no batches.');
        const { batchTable } = await import('../text/batch-table.ts');
        if (all.length > 0) context.output.text(`${batchTable(all, context.output.paint.out).join('\n')}\n`);
        return exitCodes.done;
      });
    });

  batches
    .command('show')
    .summary('show one batch with its changes')
    .description('Show one batch: each of its changes, what became of it and why.')
    .argument('<id>', 'id of the batch, or its first characters')
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', async ({ client }) => {
        await print(context, findOperation(id, listed(client), 'batch'), options);
        return exitCodes.done;
      });
    });

  batches
    .command('resume')
    .summary('go on with a batch that was cut off')
    .description(
      'Examine what was cut off of a batch, go on with that where it can be resumed, and then with what was not begun. What was ' +
        'not begun is planned again, and begun only within what was reviewed.',
    )
    .argument('<id>', 'id of the batch, or its first characters')
    .option('-y, --yes', 'do not ask for confirmation')
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async (work) => {
        const { client } = work;
        const found = findOperation(id, listed(client), 'batch');
        await connectAll(context, client, found);
        const { confirmed } = await import('../follow.ts');
        if (!(await confirmed(work, `Go on with “${shownSentence(found.title)}”?`, options.yes === true))) {
          context.output.say('Nothing was done.');
          return exitCodes.refused;
        }
        const { followBatch } = await import('../follow-batch.ts');
        // What was cut off may have come to its end when its host was connected, and with it the batch.
        if (findOperation(found.id, listed(client), 'batch').state === 'interrupted') {
          await client.ask('batches.resolve', { batchId: found.id, choice: 'resume' });
        }
        return followBatch(context, work, found.id, options);
      });
    });

  batches
    .command('forget')
    .summary('let the rest of a batch that was cut off be')
    .description(
      'Begin nothing more of a batch that was cut off. What it did stays. An operation of it that was cut off still holds its VM: ' +
        'see “snaptree operations”.',
    )
    .argument('<id>', 'id of the batch, or its first characters')
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async ({ client }) => {
        const found = findOperation(id, listed(client), 'batch');
        await client.ask('batches.resolve', { batchId: found.id, choice: 'forget' });
        await print(context, findOperation(found.id, listed(client), 'batch'), options);
        return exitCodes.done;
      });
    });
}

function listed(client: Client): readonly Batch[] {
  const event = client.present('batches', {});
  return event.kind === 'all' ? event.batches : [];
}

/** Connects to every host on which something is left; says which could not be reached. */
async function connectAll(context: CommandContext, client: Client, { items }: Batch): Promise<void> {
  const left = new Set(
    items.filter(({ state }) => state === 'waiting' || state === 'interrupted').map(({ hostId }) => hostId),
  );
  const hosts = client.hosts().filter(({ id }) => left.has(id));
  await Promise.all(
    hosts.map((host) =>
      client.connect(host).catch((error: unknown) => {
        context.warn(error instanceof Error ? error.message : String(error));
      }),
    ),
  );
}

async function print(context: CommandContext, batch: Batch, options: GlobalOptions): Promise<void> {
  if (options.json === true) {
    context.document('batch', { schema: 'snaptree.batch', version: 1, batch });
    return;
  }
  const { batchLines } = await import('../text/batch-text.ts');
  context.output.text(`${batchLines(batch, context.output.paint.out).join('\n')}\n`);
}
