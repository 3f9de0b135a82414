/**
 * For tests: a process of its own that runs the application, begins one change or a batch, and is killed by SIGKILL, as no code in it can
 * know beforehand. Takes an `UntilKilled` as JSON in its argument, prints the id of the operation or batch, and never ends by itself.
 */
import { listen } from '../../electron/ipc/listen.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { createApplication } from '../../electron/application/application.ts';

interface OfHost {
  readonly dataFolder: string;
  readonly hostId: string;
}

export interface ChangeUntilKilled extends OfHost {
  readonly request: ChangeRequest;
  /** It kills itself in the moment in which this step has ended; null: it waits to be killed. */
  readonly afterStep: number | null;
}

export interface BatchUntilKilled extends OfHost {
  /** It kills itself as soon as one of them is done and another has begun. */
  readonly requests: readonly ChangeRequest[];
}

type UntilKilled = ChangeUntilKilled | BatchUntilKilled;

const task = JSON.parse(process.argv[2] ?? '') as UntilKilled;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const { signal } = new AbortController();

const { handlers } = await createApplication({ dataFolder: task.dataFolder, shell: 'commandLine', log: silent });
await handlers.requests['hosts.connect']({ hostId: task.hostId }, { signal });
if ('requests' in task) await runBatch(task);
else await runChange(task);

async function runChange({ hostId, request, afterStep }: ChangeUntilKilled): Promise<void> {
  listen(handlers, 'operations', {}, (event) => {
    if (event.kind === 'changed' && event.operation.steps[afterStep ?? -1]?.state === 'done') {
      console.log(event.operation.id);
      process.kill(process.pid, 'SIGKILL');
    }
  });
  const plan = await handlers.requests['plans.create']({ hostId, request }, { signal });
  const { operationId } = await handlers.requests['operations.start']({ planId: plan.id }, { signal });
  console.log(operationId);
}

async function runBatch({ hostId, requests }: BatchUntilKilled): Promise<void> {
  listen(handlers, 'operations', {}, () => {
    listen(handlers, 'batches', {}, (event) => {
      const [batch] = event.kind === 'all' ? event.batches : [event.batch];
      const runs = batch?.items.find(({ state }) => state === 'running');
      if (!batch || !runs || !batch.items.some(({ state }) => state === 'succeeded')) return;
      console.log(batch.id);
      process.kill(process.pid, 'SIGKILL');
    })();
  });
  const items = requests.map((request) => ({ hostId, request }));
  const { id } = await handlers.requests['batches.plan']({ requests: items }, { signal });
  await handlers.requests['batches.start']({ batchPlanId: id }, { signal });
}
