/**
 * For tests: a process of its own that runs the application, begins one change or a batch, and is killed by SIGKILL, as no code in it can
 * know beforehand. Takes an `UntilKilled` as JSON in its argument, prints the id of the operation or batch, and never ends by itself.
 */
import { writeFileSync } from 'node:fs';
import { listen } from '../../electron/ipc/listen.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import type { StepState } from '../../shared/model/operation.ts';
import { createApplication } from '../../electron/application/application.ts';

interface OfHost {
  readonly dataFolder: string;
  readonly hostId: string;
}

/** When a step comes into a state. */
export interface StepMoment {
  readonly step: number;
  readonly state: StepState;
  /** Then this file is made, and it goes on; null: it kills itself in that moment. */
  readonly file: string | null;
}

export interface ChangeUntilKilled extends OfHost {
  readonly request: ChangeRequest;
  /** Null: it waits to be killed. */
  readonly at: StepMoment | null;
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

async function runChange({ hostId, request, at }: ChangeUntilKilled): Promise<void> {
  let isThere = false;
  listen(handlers, 'operations', {}, (event) => {
    if (at === null || isThere || event.kind !== 'changed' || event.operation.steps[at.step]?.state !== at.state)
      return;
    isThere = true;
    if (at.file === null) {
      console.log(event.operation.id);
      process.kill(process.pid, 'SIGKILL');
    } else writeFileSync(at.file, '');
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
