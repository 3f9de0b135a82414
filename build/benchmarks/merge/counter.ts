/** Passes TCP connections on, and counts what goes through them. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface Counter {
  /** On 127.0.0.1. */
  readonly port: number;
  /** So far: `up` goes to the port that is passed on to. */
  readonly bytes: { readonly up: number; readonly down: number };
  stop(): void;
}

export async function startCounter(to: number): Promise<Counter> {
  const bytes = { up: 0, down: 0 };
  const open = new Set<Socket>();
  const pass = (from: Socket, onward: Socket, direction: 'up' | 'down') => {
    open.add(from);
    from.on('data', (data) => {
      bytes[direction] += data.length;
    });
    from.on('error', () => onward.destroy());
    from.on('close', () => open.delete(from));
    from.pipe(onward);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const onward = connect({ port: to, host: '127.0.0.1', noDelay: true });
    pass(socket, onward, 'up');
    pass(onward, socket, 'down');
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    bytes,
    stop() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
