/**
 * `npm run test:faults -- --libvirt 9.0`: every procedure with everything that goes wrong, at every step boundary and in the middle of steps, on
 * a real libvirt. Needs root, and a testbed that is up. A cell in which anything is wrong is told with the words to see it again.
 */
import { parseArgs } from 'node:util';
import { runMatrix } from '../e2e/faults/run-matrix.fixtures.ts';
import { faultKinds, momentFrom, tableText } from '../e2e/faults/matrix.fixtures.ts';
import { procedures } from '../e2e/faults/procedures.fixtures.ts';
import { allVersions } from '../e2e/testbeds/places.ts';
import { resolutionSchema } from '../shared/model/operation.ts';

const { values } = parseArgs({
  options: {
    libvirt: { type: 'string', default: '9.0' },
    /** Those of which the names begin so; several times for several. */
    procedure: { type: 'string', multiple: true, default: [] },
    fault: { type: 'string', multiple: true, default: [] },
    moment: { type: 'string' },
    /** What is taken of what is offered. Left out: each of them, in a run of its own. */
    choice: { type: 'string' },
    /** So many cells only, others with each seed. */
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** "1/2": the first half of it, for two of these beside each other. */
    part: { type: 'string', default: '1/1' },
    /** Nothing is begun any more after so long. */
    minutes: { type: 'string' },
  },
});

const among = <Name extends string>(
  what: string,
  given: readonly string[],
  known: readonly Name[],
): readonly Name[] => {
  for (const each of given)
    if (!known.some((name) => name.startsWith(each)))
      throw new Error(`There is no ${what} ${each}: ${known.join(', ')}.`);
  return known.filter(
    (name) =>
      given.length === 0 ||
      given.includes(name) ||
      given.some((each) => !known.some((other) => other === each) && name.startsWith(each)),
  );
};

const [version] = among('libvirt', [values.libvirt], allVersions);
if (version === undefined) throw new Error('There is no libvirt.');
const wanted = among(
  'procedure',
  values.procedure,
  procedures.map(({ name }) => name),
);
const [part = 1, parts = 1] = values.part.split('/').map(Number);
const start = performance.now();
const { results, notJudged, failures } = await runMatrix({
  version,
  procedures: procedures.filter(({ name }) => wanted.includes(name)),
  faults: among('fault', values.fault, faultKinds),
  moment: values.moment === undefined ? null : momentFrom(values.moment),
  choice: values.choice === undefined ? null : resolutionSchema.parse(values.choice),
  seed: Number(values.seed),
  sample: values.sample === undefined ? null : Number(values.sample),
  part: { index: part - 1, of: parts },
  minutes: values.minutes === undefined ? null : Number(values.minutes),
  tell: (text) => {
    console.log(text);
  },
});
console.log(`\nlibvirt ${version}, seed ${values.seed}, ${Math.round((performance.now() - start) / 1000)} s`);
console.log(tableText(results, notJudged));
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;
