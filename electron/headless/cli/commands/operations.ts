import { SnaptreeError } from '../../../../shared/errors.ts';
import type { Host } from '../../../../shared/model/host.ts';
import type { Operation, UnreadableOperation } from '../../../../shared/model/operation.ts';
import { hasEnded, isInterrupted } from '../../../../shared/rules/operations/operation-life.ts';
import type { Client } from '../client.ts';
import type { CommandContext, GlobalOptions, Work } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { confirmed, follow, runPlan } from '../follow.ts';
import { findOperation } from '../names.ts';
import { shown, shownSentence } from '../output.ts';
import type { Paint } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { hostOfUri } from '../targets.ts';
import { operationStepLines } from '../text/operation-text.ts';
import { tableLines } from '../text/table.ts';
import { utc } from '../text/words.ts';
import { undoRequest } from '../../../../shared/rules/snapshots/undo.ts';
import { isRefused, linesOf } from './plan-command.ts';
import { addAdjustments } from './operations-adjust.ts';
import { uriOption } from './shared-options.ts';

export function addOperations(program: Program, context: CommandContext): void {
  const operations = program
    .command('operations')
    .summary('list, examine, resume, undo or forget operations, and say how a merge that runs is to go on')
    .description(
      'Operations are plans that were run. One that was cut off (by the network, by Ctrl-C, by a crash) is examined on its ' +
        'host, and then resumed or forgotten; until then its VM stays locked.',
    )
    .addHelpText(
      'after',
      examples('snaptree operations', 'snaptree operations examine 3f2a', 'snaptree operations resume 3f2a'),
    );

  operations
    .command('list', { isDefault: true })
    .summary('list operations, newest first (the default)')
    .description('List the operations that this Snaptree has begun, newest first.')
    .action(async (_options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', ({ client }) => {
        const all = listed(client);
        if (options.json === true) {
          context.document('operations', {
            schema: 'snaptree.operations',
            version: 2,
            operations: [...all],
            unreadable: [...unreadable(client)],
          });
        } else {
          printList(context, all, unreadable(client));
        }
        return Promise.resolve(exitCodes.done);
      });
    });

  operations
    .command('show')
    .summary('show one operation with its steps')
    .description('Show one operation: its steps, how each ended and what it printed.')
    .argument('<id>', 'id of the operation, or its first characters')
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', ({ client }) => {
        print(context, findOperation(id, listed(client)), options);
        return Promise.resolve(exitCodes.done);
      });
    });

  operations
    .command('examine')
    .summary('ask the host what became of an operation that was cut off')
    .description('Connect to the host of an operation that was cut off and find out what became of it.')
    .argument('<id>', 'id of the operation, or its first characters')
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async ({ client }) => {
        const found = findOperation(id, listed(client));
        await connectFor(context, client, found.plan, options.uri);
        const operation = await client.ask('operations.examine', { operationId: found.id });
        print(context, operation, options);
        return hasEnded(operation) ? exitCodes.done : exitCodes.outcomeUnknown;
      });
    });

  operations
    .command('resume')
    .summary('go on with the steps that are not done')
    .description('Examine an operation that was cut off, and go on with the steps that are not done.')
    .argument('<id>', 'id of the operation, or its first characters')
    .option('-y, --yes', 'do not ask for confirmation')
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async (work) => {
        const { client } = work;
        const found = findOperation(id, listed(client));
        await connectFor(context, client, found.plan, options.uri);
        const operation = await client.ask('operations.examine', { operationId: found.id });
        if (hasEnded(operation)) {
          context.output.say('It has ended; there is nothing to resume.');
          print(context, operation, options);
          return exitCodes.done;
        }
        if (!isInterrupted(operation)) {
          context.output.say('Its step still runs on the host, and is followed.');
          return follow(context, work, found.id, options);
        }
        if (operation.examination) context.output.say(shownSentence(operation.examination.message));
        const question = `Go on with “${shownSentence(operation.plan.title)}”?`;
        if (!(await confirmed(work, question, options.yes === true))) {
          context.output.say('Nothing was done.');
          return exitCodes.refused;
        }
        await client.ask('operations.resolve', { operationId: found.id, choice: 'resume' });
        return follow(context, work, found.id, options);
      });
    });

  operations
    .command('forget')
    .summary('let an operation that was cut off be, and unlock its VM')
    .description(
      'Let an operation that was cut off be as it is and unlock its VM. What its steps did stays. Where the host cannot be ' +
        'reached, the VM is unlocked when it is connected next.',
    )
    .argument('<id>', 'id of the operation, or its first characters')
    .option('-y, --yes', 'do not ask for confirmation')
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async (work) => {
        const { client } = work;
        const found = findOperation<Operation | UnreadableOperation>(id, [...listed(client), ...unreadable(client)]);
        const { hostId, hostName, vmName, title } = 'plan' in found ? found.plan : found;
        const question = `Forget “${shownSentence(title ?? found.id)}” for the VM ${shown(vmName ?? 'that is not known')}?`;
        if (!(await confirmed(work, question, options.yes === true))) {
          context.output.say('Nothing was done.');
          return exitCodes.refused;
        }
        try {
          await connectFor(context, client, { hostId, hostName }, options.uri);
        } catch (error) {
          if (!SnaptreeError.is(error)) throw error;
          context.warn(`${error.message} The VM is unlocked when the host is connected next.`);
        }
        await client.ask('operations.resolve', { operationId: found.id, choice: 'forget' });
        if ('plan' in found) print(context, findOperation(found.id, listed(client)), options);
        else
          for (const one of unreadable(client)) if (one.id === found.id) context.output.say(shownSentence(one.message));
        return exitCodes.done;
      });
    });

  operations
    .command('undo')
    .summary('plan and run what undoes an operation, where anything does')
    .description(
      'Plan what undoes an operation, show it and run it like any plan. The making of a snapshot is undone by deleting that ' +
        'snapshot, and a revert by going back to what it saved first. A deletion cannot be undone: nothing keeps what it threw ' +
        'away. Of an operation that was cut off ' +
        'in the middle of steps that belong together, it runs those that take back what was begun.',
    )
    .argument('<id>', 'id of the operation, or its first characters')
    .option('-y, --yes', 'do not ask for confirmation')
    .addOption(uriOption())
    .action(async (id, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', (work) =>
        undo(context, work, findOperation(id, listed(work.client)), options),
      );
    });

  addAdjustments(operations, context, async (client, id, uri) => {
    const operation = findOperation(id, listed(client));
    await connectFor(context, client, operation.plan, uri);
    return operation;
  });
}

async function undo(
  context: CommandContext,
  work: Work,
  operation: Operation,
  options: GlobalOptions & { readonly uri?: string | undefined; readonly yes?: true | undefined },
): Promise<ExitCode> {
  const { client } = work;
  const host = await connectFor(context, client, operation.plan, options.uri);
  const { examination } = await client.ask('operations.examine', { operationId: operation.id });
  if (examination?.choices.includes('undo')) {
    context.output.say(shownSentence(examination.message));
    if (!(await confirmed(work, 'Take back what was begun?', options.yes === true))) {
      context.output.say('Nothing was done.');
      return exitCodes.refused;
    }
    await client.ask('operations.resolve', { operationId: operation.id, choice: 'undo' });
    return follow(context, work, operation.id, options);
  }
  const { inventory } = await client.read(host);
  const now = new Date();
  const request = undoRequest(operation, inventory, now);
  const plan = await client.ask('plans.create', { hostId: host.id, request });
  // Of the host as it was after planning: what changes from then on makes the plan stale.
  undoRequest(operation, (await client.read(host)).inventory, now);
  for (const line of linesOf(plan, client, context, 'err')) context.output.say(line);
  if (isRefused(plan)) {
    if (options.json === true) context.document('plan', { schema: 'snaptree.plan', version: 2, plan });
    return exitCodes.refused;
  }
  if (!(await confirmed(work, 'Run this plan?', options.yes === true))) {
    context.output.say('Nothing was done.');
    return exitCodes.refused;
  }
  return runPlan(context, work, plan, options);
}

function listed(client: Client): readonly Operation[] {
  const event = client.present('operations', {});
  return event.kind === 'all' ? event.operations : [];
}

function unreadable(client: Client): readonly UnreadableOperation[] {
  return client.present('unreadableOperations', {});
}

/** Connects to the host of an operation: the one of the host book, or the one that `--uri` names. Throws `hostNotFound`. */
async function connectFor(
  context: CommandContext,
  client: Client,
  operation: Pick<UnreadableOperation, 'hostId' | 'hostName'>,
  uri: string | undefined,
): Promise<Host> {
  const named = uri === undefined ? null : await hostOfUri(context, client, uri);
  const host = named ?? client.hosts().find(({ id }) => id === operation.hostId);
  if (host?.id !== operation.hostId) {
    throw new SnaptreeError(
      'hostNotFound',
      named === null
        ? `The host ${operation.hostName ?? 'that is not known'} of this operation is not in the host book. Where it was named by --uri, give that again.`
        : `${named.name} is not the host of this operation, which ran on ${operation.hostName ?? 'another'}. Give the same --uri as then.`,
    );
  }
  await client.connect(host);
  return host;
}

function stateText(state: Operation['state'], paint: Paint): { text: string; paint: (text: string) => string } {
  const style =
    state === 'succeeded' ? 'green' : state === 'failed' ? 'red' : state === 'interrupted' ? 'yellow' : 'dim';
  return { text: state, paint: (text) => paint(style, text) };
}

function printList(
  { output }: CommandContext,
  operations: readonly Operation[],
  unreadable: readonly UnreadableOperation[],
): void {
  const paint = output.paint.out;
  if (operations.length + unreadable.length === 0) {
    output.say('There are no operations.');
    return;
  }
  const head = ['ID', 'STARTED', 'STATE', 'HOST', 'VM', 'OPERATION'];
  const lines = tableLines([
    head.map((text) => ({ text, paint: (plain: string) => paint('dim', plain) })),
    ...operations.map(({ id, startedAt, state, plan }) => [
      id.slice(0, 8),
      utc(startedAt),
      stateText(state, paint),
      shown(plan.hostName),
      shown(plan.vmName),
      shownSentence(plan.title),
    ]),
    ...unreadable.map(({ id, startedAt, state, hostName, vmName, title }) => [
      id.slice(0, 8),
      startedAt === null ? '?' : utc(startedAt),
      { text: state === 'open' ? 'unreadable' : state, paint: (text: string) => paint('yellow', text) },
      shown(hostName ?? '?'),
      shown(vmName ?? '?'),
      shownSentence(title ?? '?'),
    ]),
  ]);
  output.text(`${lines.join('\n')}\n`);
}

function print(context: CommandContext, operation: Operation, options: GlobalOptions): void {
  if (options.json === true) {
    context.document('operation', { schema: 'snaptree.operation', version: 2, operation });
    return;
  }
  const { output } = context;
  const paint = output.paint.out;
  const { id, plan, state, startedAt, endedAt, error, examination } = operation;
  const status = stateText(state, paint);
  const lines = [
    `${paint('bold', shownSentence(plan.title))}  ${status.paint(status.text)}`,
    `VM ${shown(plan.vmName)} (${shown(plan.vmUuid)}) on ${shown(plan.hostName)}`,
    `Operation ${id}, ${utc(startedAt)} to ${utc(endedAt)}`,
    ...operationStepLines(operation),
    ...(error === null ? [] : [paint('red', shownSentence(error.message))]),
    ...(examination === null ? [] : [shownSentence(examination.message)]),
    ...(examination === null || examination.choices.length === 0
      ? []
      : [
          `To go on: ${examination.choices.map((choice) => `snaptree operations ${choice} ${id.slice(0, 8)}`).join(' or ')}`,
        ]),
  ];
  output.text(`${lines.join('\n')}\n`);
}
