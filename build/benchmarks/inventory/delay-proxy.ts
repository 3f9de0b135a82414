/**
 * A process that passes TCP connections on with a delay in each direction: half of the added round trip. The bandwidth is
 * not limited: what arrives together is passed on together, so much later.
 *
 * Arguments: the port to pass on to, the delay in milliseconds. Prints its own port; ends when its stdin does.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

const [port = '', delay = ''] = process.argv.slice(2);

function pass(from: Socket, to: Socket): void {
  from.on('data', (data) => {
    setTimeout(() => {
      if (!to.destroyed) to.write(data);
    }, Number(delay));
  });
  from.on('end', () => {
    setTimeout(() => {
      to.end();
    }, Number(delay));
  });
  from.on('error', () => to.destroy());
  from.on('close', () => {
    setTimeout(() => to.destroy(), Number(delay));
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  const onward = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  pass(socket, onward);
  pass(onward, socket);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address() as AddressInfo;
  console.log(String(address.port));
});
process.stdin.on('end', () => process.exit(0)).resume();
