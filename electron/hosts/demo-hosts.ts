/** Connections to the demo fleet. */
import { demoMachine, type DemoMachineName } from '../simulator/fleet/fleet.ts';
import { createSimulatedSshServer, type SimulatedSshServer } from '../simulator/ssh-server/simulated-ssh-server.ts';
import type { Transport } from './commands/transport.ts';

const servers = new Map<DemoMachineName, SimulatedSshServer>();

/** Connects to a machine of the demo fleet. Throws `cancelled` when `signal` aborts. */
export function connectDemo(name: DemoMachineName, hostName: string, signal: AbortSignal): Promise<Transport> {
  const server = servers.get(name) ?? createSimulatedSshServer(demoMachine(name));
  servers.set(name, server);
  return server.connect(hostName, signal);
}

/** Puts another server in the place of one of the demo fleet: what tests made themselves. */
export function replaceDemoServer(name: DemoMachineName, server: SimulatedSshServer): void {
  servers.set(name, server);
}
