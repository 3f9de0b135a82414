/**
 * The built renderer, as both shells serve it.
 *
 * All files are read once, into memory: a request is looked up by its exact path in a map, so that no spelling of a path
 * can reach anything else on the disk, and a build that runs meanwhile cannot mix two versions of the page.
 */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export interface StaticFile {
  readonly body: Buffer<ArrayBuffer>;
  /** `Content-Type` and `Cache-Control`. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface StaticFiles {
  /** The file that a URL's path (still percent-encoded) names; undefined where there is none. */
  find(pathname: string): StaticFile | undefined;
}

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.json', 'application/json; charset=utf-8'],
  ['.svg', 'image/svg+xml; charset=utf-8'],
  ['.png', 'image/png'],
  ['.ico', 'image/vnd.microsoft.icon'],
  ['.woff2', 'font/woff2'],
  ['.txt', 'text/plain; charset=utf-8'],
]);

/**
 * Reads the regular files below `folder`. Symbolic links are left out, and so are files of a type that a page does not
 * need (a source map, say). Rejects where `folder` cannot be read or has no `index.html`.
 */
export async function readStaticFiles(folder: string): Promise<StaticFiles> {
  const files = new Map<string, StaticFile>();
  await readFolder(folder, '', files);
  const index = files.get('/index.html');
  if (index === undefined) throw new Error(`There is no index.html in ${folder}. Build Snaptree first: npm run build`);
  files.set('/', index);
  return { find: (pathname) => files.get(pathname) };
}

async function readFolder(folder: string, prefix: string, files: Map<string, StaticFile>): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const pathname = `${prefix}/${encodeURIComponent(entry.name)}`;
    if (entry.isDirectory()) {
      await readFolder(path, pathname, files);
    } else if (entry.isFile()) {
      const contentType = contentTypes.get(extname(entry.name).toLowerCase());
      if (contentType === undefined) continue;
      // The build gives everything in assets/ a name made from its contents.
      const cacheControl = prefix === '/assets' ? 'private, max-age=31536000, immutable' : 'no-store';
      files.set(pathname, {
        body: Buffer.from(await readFile(path)),
        headers: { 'Content-Type': contentType, 'Cache-Control': cacheControl },
      });
    }
  }
}
