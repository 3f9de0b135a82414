/** For tests: a folder with images made by the real qemu-img, and the reading of it. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, realpathSync, rmSync, writeSync } from 'node:fs';
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
  /** Makes an image; with a backing image recorded as given, which need not be there, and with its format unless that is null. */
  create(name: string, options?: { backing?: string; format?: string; backingFormat?: string | null }): string;
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
      const backingArguments = backing === undefined ? [] : ['-u', '-b', backing, '-F', backingFormat ?? 'raw'];
      execFileSync('qemu-img', ['create', '-q', '-f', format, ...backingArguments, '--', path(name), '1M']);
      if (backingFormat === null) forgetBackingFormat(path(name));
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

/**
 * Takes the format of its backing image out of a qcow2 image, as qemu-img left it out before 6.1: ends the header's extensions
 * before the first (QEMU, docs/interop/qcow2.txt).
 */
export function forgetBackingFormat(image: string): void {
  const file = openSync(image, 'r+');
  try {
    const headerLength = Buffer.alloc(4);
    readSync(file, headerLength, 0, 4, 100);
    writeSync(file, Buffer.alloc(8), 0, 8, headerLength.readUInt32BE());
  } finally {
    closeSync(file);
  }
}
