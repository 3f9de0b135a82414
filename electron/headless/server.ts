/**
 * The browser shell's server: the built renderer and the contract over a WebSocket, for a browser on this machine only.
 *
 * There is no option that weakens any of it: it always listens on loopback, always wants the token, and always checks
 * `Host` and `Origin`.
 */
import { createServer, STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { securityHeaders } from '../page/content-security-policy.ts';
import type { Handlers } from '../ipc/handlers.ts';
import type { Log } from '../base/log.ts';
import type { StaticFiles } from '../page/static-files.ts';
import { cookieValues, createToken, isOwnHost, isOwnOrigin, sameToken } from './access.ts';
import { downloadHeaders } from './downloads.ts';
import type { Downloads } from './downloads.ts';
import { largestMessage, serveSocket } from './sockets.ts';

const address = '127.0.0.1';

/** The WebSocket's path. The renderer knows it as well. */
const socketPath = '/ipc';

const mostSockets = 64;

/** Milliseconds for which a launch address is good. */
const launchTime = 60_000;

export interface ServerOptions {
  readonly handlers: Handlers;
  readonly files: StaticFiles;
  /** What the page was told that it may fetch. */
  readonly downloads?: Downloads;
  /** 0 for any that is free. */
  readonly port: number;
  readonly log: Log;
  /** Milliseconds; for tests. */
  readonly pingInterval?: number;
}

export interface Server {
  readonly port: number;
  /** The address to open, with the token. Whoever knows it may do everything; it never goes to the log. */
  readonly url: string;
  /**
   * An address that lets one browser in, once, within a minute: for the command line of another program, which other
   * users of this machine can read.
   */
  createLaunchUrl(): string;
  /** Stops listening and cuts off every page. Resolves when all their subscriptions were disposed of. */
  close(): Promise<void>;
}

/** An answer that is no file. */
interface Refusal {
  readonly status: number;
  readonly text: string;
}

const refusals = {
  wrongHost: { status: 403, text: 'Snaptree answers under 127.0.0.1 and localhost only.' },
  wrongOrigin: { status: 403, text: 'Snaptree takes connections from its own page only.' },
  noToken: {
    status: 401,
    text: 'Open the address that Snaptree printed when it started, with its token: this browser has not been let in yet.',
  },
  wrongToken: {
    status: 403,
    text: 'This token is not the one of the Snaptree that runs now. Open the address that it printed when it started.',
  },
  notFound: { status: 404, text: 'There is no such page.' },
  wrongMethod: { status: 405, text: 'Snaptree answers GET and HEAD only.' },
  badRequest: { status: 400, text: 'This is not a request that Snaptree understands.' },
  tooMany: { status: 503, text: 'Too many pages of Snaptree are open. Close some.' },
} as const satisfies Record<string, Refusal>;

/** Starts the server. Rejects where the port cannot be had (`EADDRINUSE`, `EACCES`). */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { handlers, files, log, pingInterval = 30_000 } = options;
  const token = createToken();
  // The cookie is not the token: what the browser keeps on its disk is worth nothing in a URL.
  const session = createToken();
  let port = options.port;
  const launches = new Map<string, number>();
  let closing = false;

  // A cookie holds for all ports of a host name, so that two Snaptrees need two names.
  const cookieName = (): string => `snaptree-${port}`;

  const isLetIn = (request: IncomingMessage): boolean =>
    cookieValues(request.rawHeaders, cookieName()).some((value) => sameToken(value, session));

  function useLaunch(given: string): boolean {
    const launch = [...launches].find(([launchToken]) => sameToken(given, launchToken));
    return launch !== undefined && launches.delete(launch[0]) && Date.now() < launch[1];
  }

  /** What stands against the request whichever kind it is, or its URL. */
  function examine(request: IncomingMessage): Refusal | URL {
    if (!isOwnHost(request.rawHeaders, port)) return refusals.wrongHost;
    const target = request.url ?? '';
    // Not the absolute form, nor `//other.host/`, which the URL parser takes for a host.
    if (!/^\/(?!\/)/.test(target)) return refusals.badRequest;
    const url = URL.parse(target, `http://${address}:${port}`);
    return url ?? refusals.badRequest;
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = examine(request);
    if (!(url instanceof URL)) {
      refuse(request, response, url);
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(request, response, refusals.wrongMethod);
      return;
    }
    const given = url.searchParams.get('token');
    if (given !== null) {
      if (url.pathname !== '/' || !(sameToken(given, token) || useLaunch(given)))
        refuse(request, response, refusals.wrongToken);
      else letIn(request, response);
      return;
    }
    if (!isLetIn(request)) {
      refuse(request, response, refusals.noToken);
      return;
    }
    // The path as it was sent: the URL parser has resolved dots, and a path with dots in it is nobody's honest wish.
    const path = (request.url ?? '').replace(/\?.*$/, '');
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

  /** Trades the token for the cookie and moves the browser on, so that the token stays neither in sight nor in history. */
  function letIn(request: IncomingMessage, response: ServerResponse): void {
    const headers = {
      ...securityHeaders,
      'Cache-Control': 'no-store',
      'Set-Cookie': `${cookieName()}=${session}; HttpOnly; SameSite=Strict; Path=/`,
    };
    const site = request.headers['sec-fetch-site'];
    if (site === 'cross-site' || site === 'same-site') {
      // Someone followed a link from another page (a web terminal, a chat). A redirect would count as theirs and come
      // without the strict cookie; a refresh of our own page counts as ours.
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' });
      response.end('<!doctype html><title>Snaptree</title><meta http-equiv="refresh" content="0; url=/">');
      return;
    }
    response.writeHead(303, { ...headers, Location: '/' });
    response.end();
  }

  function refuse(request: IncomingMessage, response: ServerResponse, { status, text }: Refusal): void {
    // The path without its query, which may hold somebody's token.
    log.warn('A request was refused.', {
      status,
      text,
      method: request.method,
      path: request.url?.replace(/\?.*$/s, ''),
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

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', (error) => {
      log.debug('The connection of a page failed.', { error });
    });
    const refusal = upgradeRefusal(request);
    if (refusal !== null) {
      log.warn('A socket was refused.', { status: refusal.status, text: refusal.text, origin: request.headers.origin });
      socket.end(rawResponse(refusal));
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      serveSocket(webSocket, { handlers, log, pingInterval });
    });
  }

  function upgradeRefusal(request: IncomingMessage): Refusal | null {
    const url = examine(request);
    if (!(url instanceof URL)) return url;
    if (!isOwnOrigin(request.rawHeaders)) return refusals.wrongOrigin;
    if (!isLetIn(request)) return refusals.noToken;
    if (request.url !== socketPath) return refusals.notFound;
    if (closing || sockets.clients.size >= mostSockets) return refusals.tooMany;
    return null;
  }

  const server = createServer(
    // The last: a request without Host is refused by us, with our headers.
    { maxHeaderSize: 16 * 1024, requestTimeout: 30_000, headersTimeout: 10_000, requireHostHeader: false },
    answer,
  );
  server.on('upgrade', upgrade);
  server.on('checkExpectation', answer);
  sockets.on('wsClientError', (_error, socket) => {
    socket.end(rawResponse(refusals.badRequest));
  });
  server.on('clientError', (error, socket) => {
    log.debug('A connection did not speak HTTP.', { error });
    if (socket.writable) socket.end(rawResponse(refusals.badRequest));
    else socket.destroy();
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
      return `http://${address}:${port}/?token=${launch}`;
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
