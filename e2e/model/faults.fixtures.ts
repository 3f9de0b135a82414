/** What goes wrong with an operation of a model run, at a moment that can be chosen again. */
import type { Resolution } from '../../shared/model/operation.ts';
import type { Plan } from '../../shared/model/plan.ts';
import type { ModelVmSpec } from './model-host.fixtures.ts';
import type { ModelRun } from './model-run.fixtures.ts';

export const faultKinds = ['connection', 'snaptree', 'step', 'libvirtd', 'qemu'] as const;

export interface Fault {
  readonly kind: (typeof faultKinds)[number];
  /** At which of the plan's steps, counted round. */
  readonly step: number;
  /** When that begins, or when it is done. */
  readonly when: 'running' | 'done';
  /** What its user wants then, by the first that is offered. */
  readonly wishes: readonly Resolution[];
}

/** Prepares it for the operation that is begun next. `done` is to be awaited when it runs: then it has happened, or there was no moment for it. */
export function doHarm(fault: Fault, plan: Plan, vm: ModelVmSpec, run: ModelRun) {
  const { application } = run;
  const index = fault.step % Math.max(1, plan.steps.length);
  const happened = Promise.withResolvers<undefined>();
  let isBegun = false;
  application.onChange = ({ steps, endedAt }) => {
    const state = steps[index]?.state;
    if (isBegun) return;
    if (state === fault.when) {
      isBegun = true;
      harm(fault, vm, run).then(() => {
        happened.resolve(undefined);
      }, happened.reject);
    } else if (endedAt !== null) happened.resolve(undefined);
  };
  return {
    async done(id: string): Promise<void> {
      if (application.operations().some((each) => each.id === id && each.endedAt !== null)) happened.resolve(undefined);
      await happened.promise;
    },
  };
}

async function harm({ kind }: Fault, vm: ModelVmSpec, { application, host }: ModelRun): Promise<void> {
  switch (kind) {
    case 'connection':
      host.secluded.cutConnections();
      return;
    case 'snaptree':
      await application.leave();
      await application.start();
      await application.ask('hosts.connect', { hostId: application.hostId });
      return;
    case 'step':
      await host.killStep();
      return;
    case 'libvirtd':
      await host.restartLibvirtd();
      return;
    case 'qemu':
      await host.killQemu(vm);
      return;
  }
}
