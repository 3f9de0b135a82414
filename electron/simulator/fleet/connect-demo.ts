/** Connections to the demo fleet, each machine behind an SSH server of its own. */
import type { Transport } from '../../hosts/commands/transport.ts';
import { createSimulatedSshServer, type SimulatedSshServer } from '../ssh-server/simulated-ssh-server.ts';
import { demoMachine, type DemoMachineName } from './fleet.ts';

const servers = new Map<DemoMachineName, SimulatedSshServer>();

/** Connects to a machine of the demo fleet. Throws `cancelled` when `signal` aborts. */
export function connectDemo(name: DemoMachineName, hostName: string, signal: AbortSignal): Promise<Transport> {
  const server = servers.get(name) ?? createSimulatedSshServer(demoMachine(name));
  servers.set(name, server);
  return server.connect(hostName, signal);
}
