import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import electronBuilderConfiguration from './electron-builder.ts';
import { inRepository } from './paths.ts';

interface Schema {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly definitions: { readonly FuseOptionsV1: { readonly properties: Readonly<Record<string, unknown>> } };
}

const schema = JSON.parse(
  readFileSync(inRepository('node_modules/app-builder-lib/scheme.json'), 'utf8'),
) as unknown as Schema;

test('every fuse that electron-builder knows is named, and nothing else', () => {
  expect(Object.keys(electronBuilderConfiguration.electronFuses).sort()).toEqual(
    Object.keys(schema.definitions.FuseOptionsV1.properties).sort(),
  );
});

test('every option is one that electron-builder knows', () => {
  for (const option of Object.keys(electronBuilderConfiguration)) expect(schema.properties).toHaveProperty(option);
});
