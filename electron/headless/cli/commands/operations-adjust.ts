/** What a merge that runs is told: how fast, not at all for now, or while its guest stands still. */
import { Option } from '@commander-js/extra-typings';
import { InvalidArgumentError, type Command } from '@commander-js/extra-typings';
import type { Operation, StepWish } from '../../../../shared/model/operation.ts';
import { guestPauseMeaning, pauseMeaning } from '../../../../shared/rules/operations/control-sentences.ts';
import { highestMergeLimit, mergeLimit } from '../../../../shared/rules/snapshots/merge-proposals.ts';
import type { Client } from '../client.ts';
import type { CommandContext, GlobalOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { confirmed } from '../follow.ts';
import { shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import { uriOption, wholeNumber } from './shared-options.ts';

/** Finds an operation by its id and connects to its host. Throws what these throw. */
type FindOperation = (client: Client, id: string, uri: string | undefined) => Promise<Operation>;

interface AdjustOptions extends GlobalOptions {
  readonly uri?: string | undefined;
  readonly yes?: true | undefined;
}

const while_ =
  'It works also while another Snaptree (the window, or the command that began the merge) follows the operation.';
const idArgument = ['<id>', 'id of the operation, or its first characters'] as const;

/** Adds the commands below `operations`. */
export function addAdjustments(
  operations: Command<[], Record<string, unknown>, GlobalOptions & Record<string, unknown>>,
  context: CommandContext,
  find: FindOperation,
): void {
  async function adjust(id: string, options: AdjustOptions, wish: StepWish, question?: string): Promise<void> {
    // Whoever has the data folder goes on writing there: the host is told, and the audit trail holds it.
    await context.work(options, 'readOnly', async (work) => {
      const operation = await find(work.client, id, options.uri);
      if (question !== undefined && !(await confirmed(work, question, options.yes === true))) {
        context.output.say('Nothing was done.');
        return exitCodes.refused;
      }
      const { message } = await work.client.ask('operations.adjust', { operationId: operation.id, wish });
      context.output.say(shownSentence(message));
      return exitCodes.done;
    });
  }

  operations
    .command('limit')
    .summary('change how fast a merge that runs may copy')
    .description(`Change how fast a merge of a VM that runs may copy. ${while_}`)
    .argument(...idArgument)
    .argument('<MiB/s>', 'MiB a second, or “none” for as fast as it can', limitOf)
    .addOption(uriOption())
    .addHelpText('after', examples('snaptree operations limit 3f2a 50', 'snaptree operations limit 3f2a none'))
    .action(async (id, bytesPerSecond, _options, command) => {
      await adjust(id, command.optsWithGlobals(), { kind: 'limit', bytesPerSecond });
    });

  operations
    .command('pause')
    .summary('let a merge that runs stand still')
    .description(`Let a merge that runs stand still until “operations continue”. ${pauseMeaning} ${while_}`)
    .argument(...idArgument)
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      await adjust(id, command.optsWithGlobals(), { kind: 'pause' });
    });

  operations
    .command('continue')
    .summary('let a merge that stands still go on')
    .description(`Let a merge go on that was paused, with the speed limit that it had. ${while_}`)
    .argument(...idArgument)
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      await adjust(id, command.optsWithGlobals(), { kind: 'continue' });
    });

  operations
    .command('pause-guest')
    .summary('pause the guest, so that a merge catches up with what it writes')
    .description(`Pause the guest for as long as the merge of its active layer takes. ${guestPauseMeaning} ${while_}`)
    .argument(...idArgument)
    .addOption(
      new Option('--at-most <seconds>', 'when the guest goes on in any case')
        .argParser(wholeNumber(1, 3600))
        .default(60),
    )
    .option('-y, --yes', 'do not ask for confirmation')
    .addOption(uriOption())
    .action(async (id, { atMost }, command) => {
      const question = `The guest stands still for up to ${atMost} s. ${guestPauseMeaning} Pause it?`;
      await adjust(id, command.optsWithGlobals(), { kind: 'pauseGuest', seconds: atMost }, question);
    });

  operations
    .command('continue-guest')
    .summary('let the guest go on that was paused for a merge')
    .description(`Let the guest go on before the merge has ended. ${while_}`)
    .argument(...idArgument)
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      await adjust(id, command.optsWithGlobals(), { kind: 'continueGuest' });
    });
}

/** Bytes a second; null: as fast as it can. Throws what the parser shows its user. */
function limitOf(text: string): number | null {
  if (text === 'none' || text === '0') return null;
  try {
    return mergeLimit(wholeNumber(1, highestMergeLimit)(text));
  } catch {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${highestMergeLimit}, or “none”.`);
  }
}
