/** The `app://` scheme, under which the desktop shell serves the built page with its real headers. */
import { protocol } from 'electron';
import { securityHeaders } from '../page/content-security-policy.ts';
import type { StaticFiles } from '../page/static-files.ts';

const scheme = 'app';
const host = 'snaptree';

/** The address of the page. */
export const pageUrl = `${scheme}://${host}/`;

/** Whether `url` is of our own page or of something below it. */
export function isOwnUrl(url: string): boolean {
  const parsed = URL.parse(url);
  // A user name or a port would be another origin, or a trick.
  return parsed !== null && url.startsWith(pageUrl) && parsed.protocol === `${scheme}:` && parsed.host === host;
}

/** Makes `app:` a scheme with an origin, in a secure context. Must be called before the application is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

/** Serves `files` under the scheme, to whoever is in this application. */
export function serveScheme(files: StaticFiles): void {
  protocol.handle(scheme, (request) => answer(request.method, request.url, files));
}

function answer(method: string, url: string, files: StaticFiles): Response {
  const headers = { ...securityHeaders, 'Content-Type': 'text/plain; charset=utf-8' };
  if (method !== 'GET' && method !== 'HEAD') return new Response('GET only\n', { status: 405, headers });
  const pathname = isOwnUrl(url) ? URL.parse(url)?.pathname : undefined;
  const file = pathname === undefined ? undefined : files.find(pathname);
  if (file === undefined) return new Response('There is no such page.\n', { status: 404, headers });
  return new Response(method === 'HEAD' ? null : file.body, { headers: { ...securityHeaders, ...file.headers } });
}
