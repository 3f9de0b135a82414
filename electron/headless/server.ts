/**
 * The browser shell's server: the built renderer and the contract over a WebSocket, for a browser on this machine only.
 *
 * There is no option that weakens any of it: it always listens on loopback, always checks `Host` and `Origin`, serves no
 * other user where the machine tells who that is, and gives nobody more than the built page, which holds nothing of its
 * user, before the handshake.
 */
import { createServer, STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { securityHeaders } from '../page/content-security-policy.ts';
import type { Handlers } from '../ipc/handlers.ts';
import type { Log } from '../base/log.ts';
import type { StaticFiles } from '../page/static-files.ts';
import { createToken, isOwnHost, isOwnOrigin, sameToken } from './access.ts';
import { createAdmission, descriptorLimit, limitsFor } from './admission.ts';
import { downloadHeaders } from './downloads.ts';
import type { Downloads } from './downloads.ts';
import { takeHandshake } from './handshake.ts';
import { createPeerLookup, isTrustedPeer } from './peer.ts';
import { largestMessage, serveSocket } from './sockets.ts';

const address = '127.0.0.1';

/** The WebSocket's path. The renderer knows it as well. */
const socketPath = '/ipc';

/** Milliseconds for which a launch address is good. */
const launchTime = 60_000;

/** Milliseconds for the handshake of a page. */
const handshakeTime = 10_000;

/** Milliseconds without a byte, after which a connection that carries no page is closed. */
const idleTime = 30_000;

export interface ServerOptions {
  readonly handlers: Handlers;
  readonly files: StaticFiles;
  /** What the page was told that it may fetch. */
  readonly downloads?: Downloads;
  /** 0 for any that is free. */
  readonly port: number;
  readonly log: Log;
  /** Called when a launch address was used. */
  readonly onLaunched?: () => void;
  /** Milliseconds; for tests. */
  readonly pingInterval?: number;
}

export interface Server {
  readonly port: number;
  /** The address to open, with the token. Whoever knows it may do everything; it never goes to the log. */
  readonly url: string;
  /** An address that lets one browser in, once, within its lifetime in milliseconds. */
  createLaunchUrl(): { readonly url: string; readonly lifetime: number };
  /** Stops listening and cuts off every page. Resolves when all their subscriptions were disposed of. */
  close(): Promise<void>;
}

/** An answer that is no file. */
interface Refusal {
  readonly status: number;
  readonly text: string;
}

const refusals = {
  wrongHost: {
    status: 403,
    text: 'Snaptree answers under 127.0.0.1 and its own port only, not under localhost or another name.',
  },
  wrongOrigin: { status: 403, text: 'Snaptree takes connections from its own page only.' },
  wrongUser: { status: 403, text: 'This Snaptree serves the user who started it. Start one of your own.' },
  notFound: { status: 404, text: 'There is no such page.' },
  wrongMethod: { status: 405, text: 'Snaptree answers GET and HEAD only.' },
  badRequest: { status: 400, text: 'This is not a request that Snaptree understands.' },
  tooMany: { status: 503, text: 'Too many pages of Snaptree are open. Close some.' },
} as const satisfies Record<string, Refusal>;

/** Starts the server. Rejects where the port cannot be had (`EADDRINUSE`, `EACCES`). */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { handlers, files, log, pingInterval = 30_000 } = options;
  const token = createToken();
  // What a page keeps. Another value than the token, and worth nothing when this process has ended.
  const key = createToken();
  let port = options.port;
  const launches = new Map<string, number>();
  let closing = false;
  const lookUp = createPeerLookup();
  const own = { uid: process.getuid?.(), sudoUid: process.env['SUDO_UID'] };
  const admission = createAdmission({ limits: limitsFor(descriptorLimit()), isTrusted, log });

  async function isTrusted(socket: Duplex): Promise<boolean | 'unknown'> {
    const { remoteAddress, remotePort } = socket instanceof Socket ? socket : {};
    if (remoteAddress === undefined || remotePort === undefined) return false;
    const peer = await lookUp({ address: remoteAddress, port: remotePort }, { address, port });
    if (peer.kind === 'unknown') return 'unknown';
    const trusted = isTrustedPeer(peer, own);
    if (!trusted) log.debug('A connection of another user was refused.', { peer });
    return trusted;
  }

  function useToken(given: string): boolean {
    if (sameToken(given, token)) return true;
    const launch = [...launches].find(([launchToken]) => sameToken(given, launchToken));
    if (launch === undefined || !launches.delete(launch[0]) || Date.now() >= launch[1]) return false;
    options.onLaunched?.();
    return true;
  }

  /** What stands against the request whichever kind it is. */
  function examine(request: IncomingMessage): Refusal | null {
    if (!isOwnHost(request.rawHeaders, port)) return refusals.wrongHost;
    // Not the absolute form, nor `//other.host/`, which a URL parser takes for a host.
    return /^\/(?!\/)/.test(request.url ?? '') ? null : refusals.badRequest;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = (await admission.isTrusted(request.socket)) ? examine(request) : refusals.wrongUser;
    if (refusal !== null) {
      refuse(request, response, refusal);
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(request, response, refusals.wrongMethod);
      return;
    }
    // The path as it was sent: a URL parser resolves dots, and a path with dots in it is nobody's honest wish.
    const path = pathOf(request);
    // A file is gone once it was sent, so that only a real fetch of it counts.
    const download = request.method === 'GET' ? options.downloads?.take(path) : undefined;
    if (download !== undefined) {
      response.writeHead(200, { ...securityHeaders, ...downloadHeaders(download) });
      response.end(download.bytes);
      return;
    }
    const file = files.find(path);
    if (file === undefined) {
      refuse(request, response, refusals.notFound);
      return;
    }
    response.writeHead(200, { ...securityHeaders, ...file.headers, 'Content-Length': file.body.length });
    response.end(request.method === 'HEAD' ? undefined : file.body);
  }

  function refuse(request: IncomingMessage, response: ServerResponse, { status, text }: Refusal): void {
    // The path without its query, which may hold somebody's token.
    log.warn('A request was refused.', {
      status,
      text,
      method: request.method,
      path: pathOf(request),
    });
    response.writeHead(status, { ...securityHeaders, ...refusalHeaders(status) });
    response.end(request.method === 'HEAD' ? undefined : `${text}\n`);
  }

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: largestMessage,
    perMessageDeflate: false,
    clientTracking: true,
  });

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', (error) => {
      log.debug('The connection of a page failed.', { error });
    });
    const trusted = await admission.isTrusted(socket);
    const refusal = trusted ? upgradeRefusal(request) : refusals.wrongUser;
    if (refusal !== null) {
      log.warn('A socket was refused.', { status: refusal.status, text: refusal.text, origin: request.headers.origin });
      admission.dismiss(socket, rawResponse(refusal));
      return;
    }
    if (socket instanceof Socket) socket.setTimeout(0);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // Among them: a frame that is too large or broken. `ws` closes the socket by itself afterwards.
      webSocket.on('error', (error) => {
        log.warn('The socket of a page failed.', { error });
      });
      void takeHandshake(webSocket, { key, useToken, patience: handshakeTime }).then((obstacle) => {
        if (obstacle === null && !closing && admission.hasRoom()) {
          admission.letIn(socket);
          serveSocket(webSocket, { handlers, log, pingInterval });
          return;
        }
        log.warn('A page was not let in.', { obstacle: obstacle ?? 'too many are open' });
        webSocket.close(obstacle === null ? 1013 : 1008);
        // Whoever does not answer the goodbye is not waited for.
        setTimeout(() => {
          webSocket.terminate();
        }, 1000).unref();
      });
    });
  }

  function upgradeRefusal(request: IncomingMessage): Refusal | null {
    const refusal = examine(request);
    if (refusal !== null) return refusal;
    if (!isOwnOrigin(request.rawHeaders)) return refusals.wrongOrigin;
    if (request.url !== socketPath) return refusals.notFound;
    return closing || !admission.hasRoom() ? refusals.tooMany : null;
  }

  const server = createServer({
    maxHeaderSize: 16 * 1024,
    requestTimeout: 30_000,
    headersTimeout: 10_000,
    connectionsCheckingInterval: 5_000,
    // A request without Host is refused by us, with our headers.
    requireHostHeader: false,
  });
  server.setTimeout(idleTime);
  server.on('connection', (socket) => {
    admission.add(socket);
  });
  const answering = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch((error: unknown) => {
      log.error('A request could not be answered.', { error });
      request.socket.destroy();
    });
  };
  server.on('request', answering);
  server.on('checkExpectation', answering);
  server.on('upgrade', (request, socket, head) => {
    upgrade(request, socket, head).catch((error: unknown) => {
      log.error('A socket could not be opened.', { error });
      socket.destroy();
    });
  });
  sockets.on('wsClientError', (_error, socket) => {
    admission.dismiss(socket, rawResponse(refusals.badRequest));
  });
  server.on('clientError', (error, socket) => {
    log.debug('A connection did not speak HTTP.', { error });
    admission.dismiss(socket, rawResponse(refusals.badRequest));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('The server has no port.');
  port = bound.port;

  return {
    port,
    url: `http://${address}:${port}/?token=${token}`,
    createLaunchUrl() {
      const launch = createToken();
      launches.set(launch, Date.now() + launchTime);
      return { url: `http://${address}:${port}/?token=${launch}`, lifetime: launchTime };
    },
    async close() {
      closing = true;
      const stopped = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      const ended = [...sockets.clients].map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => {
              resolve();
            });
            socket.terminate();
          }),
      );
      server.closeAllConnections();
      await Promise.all([stopped, ...ended]);
      sockets.close();
    },
  };
}

function refusalHeaders(status: number): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  };
}

/** A refusal for a connection that has no response object. */
function rawResponse({ status, text }: Refusal): string {
  const headers = { ...securityHeaders, ...refusalHeaders(status), Connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', `${text}\n`].join('\r\n');
}

/** What was asked for, without the query. */
function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}
