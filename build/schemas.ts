/** `npm run schemas`: writes the JSON Schemas of what the command line prints into docs/schemas. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { documents, publishedSchema } from '../electron/headless/cli/documents.ts';
import type { DocumentName } from '../electron/headless/cli/documents.ts';
import { inRepository } from './paths.ts';

const folder = inRepository('docs/schemas');
const isName = (name: string): name is DocumentName => name in documents;

mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) rmSync(`${folder}/${file}`);
for (const name of Object.keys(documents).filter(isName)) {
  const text = await format(publishedSchema(name), { parser: 'json', printWidth: 120 });
  writeFileSync(`${folder}/${name}.schema.json`, text);
}
