/** For tests: a folder with images made by the real qemu-img, and the reading of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Image } from '../../../shared/model/inventory.ts';
import { createLocalRunner } from '../../hosts/commands/local-runner.fixtures.ts';
import { readImages, type ImageReading, type ImageReadOptions } from './read-images.ts';

export interface ImageFolder {
  readonly root: string;
  readonly runner: ReturnType<typeof createLocalRunner>;
  /** The scripts that were run, newest last. */
  readonly scripts: string[];
  path(name: string): string;
  /** Makes an image; with a backing image recorded as given, which need not be there. */
  create(name: string, options?: { backing?: string; format?: string; backingFormat?: string }): string;
  read(
    requests: readonly (string | { reference: string; format: string | null })[],
    options?: Partial<ImageReadOptions>,
  ): Promise<ImageReading>;
  /** As `read`, by an account that is nobody. */
  readAsNobody(requests: readonly string[], options?: Partial<ImageReadOptions>): Promise<ImageReading>;
  remove(): void;
}

export function createImageFolder(): ImageFolder {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'snaptree-images-')));
  const local = createLocalRunner();
  const scripts: string[] = [];
  const runner = {
    ...local,
    runScript(script: Parameters<typeof local.runScript>[0]) {
      scripts.push(script.script);
      return local.runScript(script);
    },
  };
  const path = (name: string) => join(root, name);
  return {
    root,
    runner,
    scripts,
    path,
    create(name, { backing, format = 'qcow2', backingFormat = 'qcow2' } = {}) {
      mkdirSync(dirname(path(name)), { recursive: true });
      const backingArguments = backing === undefined ? [] : ['-u', '-b', backing, '-F', backingFormat];
      execFileSync('qemu-img', ['create', '-q', '-f', format, ...backingArguments, '--', path(name), '1M']);
      return path(name);
    },
    read(requests, options = {}) {
      return readImages(
        runner,
        requests.map((each) => (typeof each === 'string' ? { reference: each, format: null } : each)),
        { priority: 'user', ...options },
      );
    },
    readAsNobody(requests, options = {}) {
      const asNobody = {
        ...runner,
        runScript: (script: Parameters<typeof runner.runScript>[0]) =>
          runner.runScript({
            ...script,
            script: `setpriv --reuid=65534 --regid=65534 --clear-groups sh -s <<'ROUND'\n${script.script}\nROUND\n`,
          }),
      };
      return readImages(
        asNobody,
        requests.map((reference) => ({ reference, format: null })),
        { priority: 'user', ...options },
      );
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The image with that id; throws where there is none. */
export function imageIn(reading: ImageReading, id: string): Image {
  const found = reading.images.find((each) => each.id === id);
  if (!found) throw new Error(`${id} is not among ${reading.images.map((each) => each.id).join(', ')}`);
  return found;
}
