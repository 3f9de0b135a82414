/** `npm run bench [-- NAME…]`: prints ratios and counts, all of one run. Without names: every benchmark. */
import { run as batch } from './benchmarks/batch.ts';
import { run as images } from './benchmarks/images.ts';
import { run as fleet } from './benchmarks/fleet.ts';
import { run as inventory } from './benchmarks/inventory.ts';
import { run as merge } from './benchmarks/merge.ts';
import { run as renderer } from './benchmarks/renderer.ts';
import { run as snapshotTree } from './benchmarks/snapshot-tree.ts';
import { run as startup } from './benchmarks/startup.ts';

const benchmarks: Readonly<Record<string, () => void | Promise<void>>> = {
  'snapshot-tree': snapshotTree,
  images,
  startup,
  fleet,
  inventory,
  merge,
  batch,
  renderer,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}.`);
  process.exit(1);
}
for (const [name, run] of Object.entries(benchmarks)) {
  if (asked.length === 0 || asked.includes(name)) await run();
}
