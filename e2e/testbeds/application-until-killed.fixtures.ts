/**
 * For tests: a process of its own that runs the application, begins one change, and is killed by SIGKILL, as no code in it can
 * know beforehand. Takes an `UntilKilled` as JSON in its argument, prints the id of the operation, and never ends by itself.
 */
import { listen } from '../../electron/ipc/listen.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { createApplication } from '../../electron/application/application.ts';

export interface UntilKilled {
  readonly dataFolder: string;
  readonly hostId: string;
  readonly request: ChangeRequest;
  /** It kills itself in the moment in which this step has ended; null: it waits to be killed. */
  readonly afterStep: number | null;
}

const { dataFolder, hostId, request, afterStep } = JSON.parse(process.argv[2] ?? '') as UntilKilled;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const { signal } = new AbortController();

const { handlers } = await createApplication({ dataFolder, shell: 'commandLine', log: silent });
listen(handlers, 'operations', {}, (event) => {
  if (event.kind === 'changed' && event.operation.steps[afterStep ?? -1]?.state === 'done') {
    console.log(event.operation.id);
    process.kill(process.pid, 'SIGKILL');
  }
});
await handlers.requests['hosts.connect']({ hostId }, { signal });
const plan = await handlers.requests['plans.create']({ hostId, request }, { signal });
const { operationId } = await handlers.requests['operations.start']({ planId: plan.id }, { signal });
console.log(operationId);
