import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostWithId } from '../../../shared/model/host.fixtures.ts';
import { internal, inventory, vm } from '../../../shared/model/inventory.fixtures.ts';
import type { ChangeRequest, Plan } from '../../../shared/model/plan.ts';
import { operationOf, planWith } from './cli.fixtures.ts';
import { LibvirtHost, planServiceFor, requests } from '../../operations/libvirt-host.fixtures.ts';
import { checkSamePlan, hostOfPlan, parsePlanFile } from './plan-file.ts';
import { undoRequest } from '../../../shared/rules/snapshots/undo.ts';

const plan = planWith();
const [step] = plan.steps;
const refused = { code: 'r', message: 'It is in use.', names: [] };

describe('a plan file', () => {
  it('is what plan --json prints', () => {
    expect(parsePlanFile(JSON.stringify({ schema: 'snaptree.plan', version: 2, plan }), 'f')).toEqual(plan);
  });
  it('of before room was told per file system has that of its tightest one', () => {
    const { rooms: _rooms, ...before } = plan;
    const read = (space: object) =>
      parsePlanFile(JSON.stringify({ schema: 'snaptree.plan', version: 2, plan: { ...before, space } }), 'f').rooms;
    expect(read({ neededBytes: null, freeBytes: null, folder: null })).toEqual([]);
    expect(read({ neededBytes: 5, freeBytes: 7, folder: '/srv' })).toEqual([
      { folders: ['/srv'], likelyBytes: null, atMostBytes: 5, guestBytes: 0, freeBytes: 7 },
    ]);
  });
  it.each([
    ['', 'not a plan file that this Snaptree understands'],
    ['{}', 'not a plan file that this Snaptree understands'],
    [JSON.stringify({ schema: 'snaptree.plan', version: 3, plan }), 'a newer Snaptree wrote it'],
    [JSON.stringify({ schema: 'snaptree.plan', version: 2, plan: { ...plan, more: 1 } }), 'not a plan file that'],
    [JSON.stringify(plan), 'not a plan file that'],
  ])('is not %j', (text, reason) => {
    expect(() => parsePlanFile(text, 'f')).toThrow(reason);
    expect(() => parsePlanFile(text, 'f')).toThrow(expect.objectContaining({ code: 'invalidRequest' }));
  });
  it('is for the host with its id, else for the one with its name', () => {
    const named = hostWithId('x', { name: 'KVM1' });
    const same = hostWithId(plan.hostId, { name: 'renamed' });
    expect(hostOfPlan(plan, [named, same])).toBe(same);
    expect(hostOfPlan(plan, [named])).toBe(named);
    expect(() => hostOfPlan(plan, [hostWithId('y')])).toThrow(expect.objectContaining({ code: 'hostNotFound' }));
  });
});

describe('a plan that was made again', () => {
  it('is run where it is the same, though its id and time are not', () => {
    expect(() => {
      checkSamePlan(plan, planWith({ id: 'dddddddd-dddd-4ddd-8ddd-dddddddddddd', createdAt: 1_795_300_000 }));
    }).not.toThrow();
  });
  it('is run where a look asks for other figures, and for nothing else', () => {
    const looking = (words: string[], parts: object = { onlyLooks: true }) =>
      planWith({ steps: step ? [{ ...step, argv: ['sh', '-c', 'x', 'sh', ...words], ...parts }] : [] });
    const check = (inFile: Plan, now: Plan) => () => {
      checkSamePlan(inFile, now);
    };
    expect(check(looking(['/a', '10']), looking(['/a', '20']))).not.toThrow();
    expect(check(looking(['/a', '10']), looking(['/b', '10']))).toThrow();
    expect(check(looking(['/a', '10'], {}), looking(['/a', '20'], {}))).toThrow();
  });
  it.each([
    ['the host has changed', plan, planWith({ fingerprint: `v2:${'e'.repeat(64)}` }), 'planStale'],
    ['it is refused now', plan, planWith({ refusals: [refused], steps: [] }), 'planRefused'],
    ['a step was edited', planWith({ steps: step ? [{ ...step, argv: ['rm'] }] : [] }), plan, 'planRefused'],
    [
      'what a step deletes was edited',
      planWith({ steps: step ? [{ ...step, deletes: ['/x'] }] : [] }),
      plan,
      'planRefused',
    ],
    ['a request was edited', planWith({ request: { ...plan.request, vmUuid: 'x' } }), plan, 'planRefused'],
    ['another version made it', planWith({ fingerprint: 'f'.repeat(64) }), plan, 'planStale'],
    ['a step was taken out', planWith({ steps: [] }), plan, 'planRefused'],
  ])('is not run where %s', (_title, inFile, now, code) => {
    expect(() => {
      checkSamePlan(inFile, now);
    }).toThrow(expect.objectContaining({ code }));
  });
});

describe('a plan file that a disk has changed', () => {
  const corpus = new URL('../../store/corpus/', import.meta.url);
  const ofVersion = (version: number, name: string) => readFileSync(new URL(`${version}/plan-files/${name}`, corpus));
  const names = (version: number) => readdirSync(new URL(`${version}/plan-files`, corpus));

  it.each([1, 2].flatMap((version) => names(version).map((name) => ({ version, name }))))(
    'is understood as version $version wrote it: $name',
    ({ version, name }) => {
      // What the driver plans for a request may differ from version to version; what a file says stays.
      const text = ofVersion(version, name).toString();
      const parsed = parsePlanFile(text, name);
      const written = JSON.parse(text) as { plan: { request: object; steps: { argv: string[] }[] } };
      expect(parsed.steps.map(({ argv }) => argv)).toEqual(written.plan.steps.map(({ argv }) => argv));
      expect(parsed.request).toMatchObject(written.plan.request);
    },
  );

  it('has the same request, whatever version wrote it', () => {
    const requestIn = (version: number, name: string) =>
      parsePlanFile(ofVersion(version, name).toString(), name).request;
    for (const name of names(1)) expect(requestIn(1, name)).toEqual(requestIn(2, name));
  });

  it('is understood as it was before it could say that a revert saves something first', () => {
    const written = JSON.parse(ofVersion(2, 'revert.json').toString()) as { plan: { request: { saveAs?: null } } };
    delete written.plan.request.saveAs;
    expect(parsePlanFile(JSON.stringify(written), 'f').request).toMatchObject({ saveAs: null });
  });

  it('in any one bit runs nothing but what was reviewed', async () => {
    const host = new LibvirtHost();
    const plans = planServiceFor(
      host,
      () => 1,
      () => plan.id,
    );
    const reviewed = await plans.create(plan.hostId, requests['delete-subtree']);
    const file = Buffer.from(JSON.stringify({ schema: 'snaptree.plan', version: 2, plan: reviewed }));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(file);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        let now: Plan;
        try {
          const inFile = parsePlanFile(changed.toString(), 'f');
          now = await plans.create(plan.hostId, inFile.request);
          checkSamePlan(inFile, now);
        } catch {
          return;
        }
        expect(now.steps).toEqual(reviewed.steps);
      }),
      { numRuns: 400 },
    );
  }, 60_000);
});

describe('what undoes an operation', () => {
  const made = internal('one', null, { createdAt: 1_795_200_005 });
  const host = (snapshots = [made]) => inventory([vm({ snapshots })], []);
  const now = new Date(2026, 10, 26, 3, 5, 9);
  const knows = { made: [{ snapshotId: 'one', createdAt: 1_795_200_005 }] };

  it('deletes the snapshot that it made', () => {
    expect(undoRequest(operationOf(plan, knows), host(), now)).toEqual({
      action: 'deleteSnapshot',
      vmUuid: plan.vmUuid,
      snapshotId: 'one',
      withDescendants: false,
    });
  });
  it('goes back to what a revert saved first, and saves what it throws away in turn', () => {
    const saved = internal('kept', 'one', { createdAt: 1_795_200_009 });
    const request: ChangeRequest = {
      action: 'revertToSnapshot',
      vmUuid: plan.vmUuid,
      snapshotId: 'one',
      saveAs: 'kept',
    };
    const reverted = planWith({ request });
    const itsOwn = { made: [{ snapshotId: 'kept', createdAt: 1_795_200_009 }] };
    expect(undoRequest(operationOf(reverted, itsOwn), host([made, saved]), now)).toEqual({
      action: 'revertToSnapshot',
      vmUuid: plan.vmUuid,
      snapshotId: 'kept',
      saveAs: 'before-revert-2026-11-26-03.05.09',
    });
    const another = { ...saved, createdAt: 1_795_200_010 };
    expect(() => undoRequest(operationOf(reverted, itsOwn), host([made, another]), now)).toThrow(/another one/);
    expect(() => undoRequest(operationOf(reverted, itsOwn), host(), now)).toThrow(/no longer there/);
    expect(() => undoRequest(operationOf(reverted), host([made, saved]), now)).toThrow(/not known whether/);
    // It is the way back just as well where the revert failed.
    const failed = operationOf(reverted, { ...itsOwn, state: 'failed' });
    expect(undoRequest(failed, host([made, saved]), now)).toMatchObject({ snapshotId: 'kept' });
  });
  it.each([
    ['it is gone', host([])],
    ['another has its name, made soon after', host([{ ...made, createdAt: 1_795_200_006 }])],
    ['others are below it', host([made, internal('two', 'one')])],
    ['it does not say when it was made', host([{ ...made, createdAt: null }])],
    ['the VM is gone', inventory([], [])],
  ])('is refused where %s', (_title, found) => {
    expect(() => undoRequest(operationOf(plan, knows), found, now)).toThrow(
      expect.objectContaining({ code: 'operationNotResolvable' }),
    );
  });
  it('is refused where it is not known which snapshot it made', () => {
    expect(() => undoRequest(operationOf(plan), host(), now)).toThrow(/not known whether/);
  });
  it('lets a guest go on that was paused or saved, and gives a snapshot its name back', () => {
    const { vmUuid } = plan;
    const undone = (request: ChangeRequest) => undoRequest(operationOf(planWith({ request })), host(), now);
    expect(undone({ action: 'changePower', vmUuid, to: 'suspend' })).toMatchObject({ to: 'resume' });
    expect(undone({ action: 'saveMemory', vmUuid, file: null })).toMatchObject({ action: 'changePower', to: 'start' });
    expect(undone({ action: 'saveMemory', vmUuid, file: '/f' })).toMatchObject({ action: 'restoreMemory', file: '/f' });
    expect(undone({ action: 'renameSnapshot', vmUuid, snapshotId: 'one', name: 'two' })).toMatchObject({
      snapshotId: 'two',
      name: 'one',
    });
  });
  it('is refused where nothing keeps what is gone, and where it did not succeed', () => {
    const { vmUuid } = plan;
    const others: ChangeRequest[] = [
      { action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'one' },
      { action: 'deleteSnapshot', vmUuid, snapshotId: 'one', withDescendants: false },
      ...(['start', 'shutdown', 'destroy', 'resume'] as const).map((to) => ({
        action: 'changePower' as const,
        vmUuid,
        to,
      })),
      { action: 'restoreMemory', vmUuid, file: '/f' },
      { action: 'discardMemory', vmUuid },
      { action: 'describeSnapshot', vmUuid, snapshotId: 'one', description: '' },
    ];
    for (const request of others) {
      expect(() => undoRequest(operationOf(planWith({ request })), host(), now)).toThrow(/cannot be undone: /);
    }
    expect(() => undoRequest(operationOf(plan, { state: 'failed' }), host(), now)).toThrow(/ended as failed/);
    expect(() => undoRequest(operationOf(plan, { endedAt: null }), host(), now)).toThrow(/has not ended/);
  });
});
