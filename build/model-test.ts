/**
 * `npm run test:model -- --steps 10000 --seed 1 --faults 10 --libvirt 9.0`: random procedures on real images beside a model of which
 * snapshot holds which pattern. Needs root, and a testbed that is up. What it finds, it prints with the words to see it again.
 */
import { parseArgs } from 'node:util';
import { drive, tallyText } from '../e2e/model/drive.fixtures.ts';
import { allVersions } from '../e2e/testbeds/places.ts';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
    /** Of a hundred steps, so many that something goes wrong with. */
    faults: { type: 'string', default: '0' },
    libvirt: { type: 'string', default: '9.0' },
    /** Of a sequence that was printed: that one again, as it was found. */
    path: { type: 'string' },
    commands: { type: 'string' },
    longest: { type: 'string', default: '30' },
    /** For how long a sequence that failed is made shorter. */
    'shrink-seconds': { type: 'string', default: '600' },
  },
});

const version = allVersions.find((each) => each === values.libvirt);
if (version === undefined) throw new Error(`There is no libvirt ${values.libvirt}: ${allVersions.join(', ')}.`);
const seed = Number(values.seed);
const replay = values.path === undefined ? null : { path: values.path, commands: values.commands ?? ':' };
const steps = replay ? Infinity : Number(values.steps);
console.log(`${replay ? 'One sequence' : `${steps} steps`} on libvirt ${version}, seed ${seed}`);
const start = performance.now();
let told = 0;
const { tally, failure } = await drive({
  version,
  steps,
  seed,
  faults: Number(values.faults),
  longest: Number(values.longest),
  shrinkSeconds: replay ? 0 : Number(values['shrink-seconds']),
  ...(replay && { replay }),
  onSequence: (so) => {
    if (so.steps < told + 100) return;
    told = so.steps;
    console.log(`${so.steps} steps, ${Math.round((performance.now() - start) / 1000)} s`);
  },
});
console.log(tallyText(tally));
console.log(`${Math.round((performance.now() - start) / 1000)} s`);
if (failure !== null) {
  console.error(failure);
  process.exitCode = 1;
}
