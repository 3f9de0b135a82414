/** The machines of the demo fleet. They live as long as this process does. */
import type { Machine, Speed } from '../machine.ts';
import { createAlder } from './alder.ts';
import { createBirch } from './birch.ts';
import { createCedar } from './cedar.ts';

export type DemoMachineName = 'alder' | 'birch' | 'cedar';

const makers: Readonly<Record<DemoMachineName, (speed: Speed) => Machine>> = {
  alder: createAlder,
  birch: createBirch,
  cedar: createCedar,
};

const machines = new Map<DemoMachineName, Machine>();

/** The machine of that name, as it was left; made where it is asked for first. */
export function demoMachine(name: DemoMachineName): Machine {
  const machine = machines.get(name) ?? createDemoMachine(name);
  machines.set(name, machine);
  return machine;
}

/** Another machine of that kind, for tests. @param pace, clockRate see `Speed` */
export function createDemoMachine(name: DemoMachineName, pace = 1, clockRate = 1): Machine {
  return makers[name]({ pace, clockRate });
}
