/** The licences of everything that is shipped: what the bundles hold, and the packages that are installed beside them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import packageJson from '../package.json' with { type: 'json' };
import { npmCommand } from './npm.ts';
import { inRepository } from './paths.ts';

/** As Vite writes them for what a bundle holds (`build.license`). */
const licenseSchema = z.object({
  name: z.string(),
  version: z.string(),
  identifier: z.string().nullish(),
  text: z.string().nullish(),
});

export interface License {
  readonly name: string;
  readonly version: string;
  /** As SPDX names it. */
  readonly identifier: string;
  readonly text: string;
}

/** Of a package that has the text of its licence and does not name it. */
const unnamed = 'see its text';

/** Where each build writes what it holds. */
export const bundledFile = 'bundled-licenses.json';
/** In the folder of the page, which fetches it when somebody asks; and beside it, for people and packages. */
const pageFile = 'renderer/licenses.json';
const textFile = 'THIRD-PARTY-LICENSES.txt';

const packagesSchema = z.array(
  z.looseObject({
    name: z.string(),
    version: z.string(),
    path: z.string(),
    license: z.union([z.string(), z.looseObject({ type: z.string() })]).optional(),
    author: z.unknown().optional(),
  }),
);

/**
 * The packages that a selector of `npm query` finds, with their texts. just-bash comes as one file that its authors
 * bundled, so that what it is made of is asked for by name.
 */
function installed(selector: string): License[] {
  const [command, ...parameters] = npmCommand();
  const output = execFileSync(command, [...parameters, 'query', selector], {
    cwd: inRepository('.'),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const packages = packagesSchema.parse(JSON.parse(output)).filter(({ name }) => name !== packageJson.name);
  return packages.map(({ name, version, path, license, author }) => {
    const identifier = typeof license === 'object' ? license.type : (license ?? unnamed);
    return { name, version, identifier, text: textIn(path) ?? standardText(identifier, author) };
  });
}

/** Every file of a package that holds its licence. */
function textIn(folder: string): string | null {
  if (!existsSync(folder)) return null;
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice|unlicense)/i.test(entry.name))
    .map(({ name }) => readFileSync(join(folder, name), 'utf8').trim());
  return texts.length === 0 ? null : texts.join('\n\n');
}

/** The text that SPDX has of a licence, for a package that only names it. */
export function standardText(identifier: string, author: unknown): string {
  const file = inRepository(`node_modules/spdx-license-list/licenses/${identifier}.json`);
  if (!/^[\w.+-]+$/.test(identifier) || !existsSync(file))
    throw new Error(`There is no text of the licence ${identifier}.`);
  const { licenseText } = z.looseObject({ licenseText: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8')));
  const name = typeof author === 'string' ? author : z.looseObject({ name: z.string() }).safeParse(author).data?.name;
  return `The package names this licence and has no text of its own${name === undefined ? '' : `; its author is ${name}`}.\n\n${licenseText.trim()}`;
}

/** One entry a package and version, in the order of their names. */
export function mergeLicenses(lists: readonly (readonly License[])[]): License[] {
  const byPackage = new Map(lists.flat().map((license) => [`${license.name} ${license.version}`, license]));
  return [...byPackage.values()].sort((a, b) => a.name.localeCompare(b.name, 'en') || (a.version < b.version ? -1 : 1));
}

export function licenseText(licenses: readonly License[]): string {
  const parts = licenses.map(
    ({ name, version, identifier, text }) =>
      `${name} ${version} (${identifier})\n\n${text.replaceAll('\r\n', '\n').trim()}`,
  );
  const rule = `\n\n${'-'.repeat(80)}\n\n`;
  return `Snaptree is made with the work of others, under these licences.${rule}${parts.join(rule)}\n`;
}

/** The licences of the packages that are installed with the product, and of what its demo is made of. */
export function installedLicenses(): License[] {
  return mergeLicenses([installed('.prod:not(:root), #just-bash, #just-bash *')]);
}

/** Writes into `built` the licences of what its `folders` were built from and of all packages that are installed with it. */
export function writeLicenses(built: string, folders: readonly string[]): void {
  const known = installedLicenses();
  const texts = new Map(known.map(({ name, version, text }) => [`${name} ${version}`, text]));
  const bundled = folders.flatMap((folder) => {
    const file = join(built, folder, bundledFile);
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    rmSync(file);
    return z
      .array(licenseSchema)
      .parse(content)
      .map(({ name, version, identifier, text }): License => {
        const id = identifier ?? unnamed;
        return {
          name,
          version,
          identifier: id,
          text: texts.get(`${name} ${version}`) ?? text ?? standardText(id, undefined),
        };
      });
  });
  const licenses = mergeLicenses([bundled, known]);
  writeFileSync(join(built, pageFile), JSON.stringify(licenses));
  writeFileSync(join(built, textFile), licenseText(licenses));
}
