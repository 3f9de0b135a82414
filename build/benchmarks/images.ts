/**
 * Examining images on a host, against the same questions to `qemu-img` alone. All numbers are of one run on one machine,
 * and of processor time, which others at work there do not change much. What counts is that an item costs the same however many there are: a snapshot more in one
 * image, a layer more in a chain, an image more in a folder. Counts are checked, times are only printed.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalRunner } from '../../electron/hosts/commands/local-runner.fixtures.ts';
import { readImages, type ImageReading } from '../../electron/images/scan/read-images.ts';

interface Case {
  /** How many of the items that are to cost the same each. */
  readonly items: number;
  /** Makes the images below a folder and gives the path of the one that a VM names. */
  readonly make: (folder: string) => string;
  readonly check: (reading: ImageReading) => boolean;
}

interface Series {
  readonly what: string;
  /** One of the items. */
  readonly item: string;
  readonly cases: readonly Case[];
}

/** As many `qemu-img` at once as the walk runs. */
const workers = Math.min(4, Math.max(2, availableParallelism()));

const qemuImg = (...argv: readonly string[]): void => {
  execFileSync('qemu-img', argv, { stdio: 'ignore' });
};

function create(path: string, backing?: string): string {
  const overlay = backing === undefined ? [] : ['-u', '-b', backing, '-F', 'qcow2'];
  qemuImg('create', '-q', '-f', 'qcow2', ...overlay, path, '1M');
  return path;
}

function withSnapshots(count: number): Case {
  return {
    items: count,
    make(folder) {
      const path = create(join(folder, 'disk.qcow2'));
      for (let index = 0; index < count; index += 1) qemuImg('snapshot', '-c', `before change ${index}`, path);
      return path;
    },
    check: ({ images }) => images[0]?.internalSnapshots.length === count,
  };
}

/** @param folders whether each image lies in a folder of its own, so that only the chain leads to it */
function chain(count: number, folders: boolean): Case {
  return {
    items: count,
    make(folder) {
      let top: string | undefined;
      for (let index = 0; index < count; index += 1) {
        const place = folders ? join(folder, `layer ${index}`) : folder;
        mkdirSync(place, { recursive: true });
        top = create(join(place, `${index}.qcow2`), top);
      }
      return top ?? '';
    },
    check: ({ images }) => images.length === count && images.every(({ status }) => status === 'ok'),
  };
}

/** @param snapshots whether each holds an internal snapshot, so that its header alone does not tell all of it */
function inOneFolder(count: number, snapshots: boolean): Case {
  return {
    items: count,
    make(folder) {
      const first = create(join(folder, '0.qcow2'));
      if (snapshots) qemuImg('snapshot', '-c', 'before', first);
      for (let index = 1; index < count; index += 1) copyFileSync(first, join(folder, `${index}.qcow2`));
      return first;
    },
    check: ({ images }) => images.length === count,
  };
}

const series: readonly Series[] = [
  { what: 'one image with internal snapshots', item: 'snapshot', cases: [1, 100, 1000].map(withSnapshots) },
  { what: 'a chain in one folder', item: 'layer', cases: [75, 150].map((count) => chain(count, false)) },
  { what: 'a chain through folders', item: 'layer', cases: [15, 150].map((count) => chain(count, true)) },
  { what: 'images in one folder', item: 'image', cases: [300, 3000].map((count) => inOneFolder(count, false)) },
  {
    what: 'images with a snapshot in one folder',
    item: 'image',
    cases: [300, 3000].map((count) => inOneFolder(count, true)),
  },
];

export async function run(): Promise<void> {
  for (const each of series) await measure(each);
}

async function measure({ what, item, cases }: Series): Promise<void> {
  const times: { readonly items: number; readonly ours: number; readonly direct: number }[] = [];
  for (const each of cases) {
    const folder = mkdtempSync(join(tmpdir(), 'snaptree-bench-'));
    try {
      const path = each.make(folder);
      const ours = await processorTime(() => examine(path, each));
      const direct = await processorTime(() => {
        askAlone(folder);
      });
      times.push({ items: each.items, ours, direct });
      say(
        `${what}: ${each.items} in ${ours.toFixed(0)} ms of processor, ${(ours / direct).toFixed(1)} times the ${direct.toFixed(0)} ms of qemu-img alone`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  for (const [index, { items, ours, direct }] of times.entries()) {
    const before = times[index - 1];
    const beforeThat = times[index - 2] ?? { items: 0, ours: 0, direct: 0 };
    if (!before || (index === 1 && cases.length > 2)) continue;
    const growth = (now: number, then: number, first: number) =>
      (now - then) / (items - before.items) / ((then - first) / (before.items - beforeThat.items));
    say(
      `${what}: each ${item} beyond ${before.items} takes ${growth(ours, before.ours, beforeThat.ours).toFixed(2)} times as long as each below (1 is linear; qemu-img alone ${growth(direct, before.direct, beforeThat.direct).toFixed(2)})`,
    );
  }
}

/** The processor time in milliseconds of what `work` starts, the mean of as many times as make it exact. */
async function processorTime(work: () => Promise<void> | void): Promise<number> {
  const before = childrenTime();
  let times = 0;
  while (times < 2 || childrenTime() - before < 1000) {
    await work();
    times += 1;
  }
  return (childrenTime() - before) / times;
}

/** Of all children of this process that ended (proc(5), cutime and cstime, in hundredths of a second), in milliseconds. */
function childrenTime(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

async function examine(path: string, { check }: Case): Promise<void> {
  const reading = await readImages(createLocalRunner(), [{ reference: path, format: 'qcow2' }], { priority: 'user' });
  if (!check(reading)) throw new Error(`images: ${reading.images.length} images were read, which is not what was made`);
}

/** `qemu-img info` once for each image below a folder, by a plain shell. */
function askAlone(folder: string): void {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.qcow2'))
    .map((name) => join(folder, name));
  const argv = ['-0', '-n', '1', '-P', String(workers), 'qemu-img', 'info', '-U', '--output=json'];
  execFileSync('xargs', argv, { input: paths.join('\0'), stdio: ['pipe', 'ignore', 'inherit'] });
}

function say(text: string): void {
  console.log(`images: ${text}`);
}
