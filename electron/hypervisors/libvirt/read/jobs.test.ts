import { expect, it } from 'vitest';
import { blockJobOf, vmJobOf } from './jobs.ts';

const mirror = (job: string, ready: boolean) => ({
  target: 'vda',
  mirror: { job, ready, source: { kind: 'image' as const, reference: '/copy' } },
});
const nameOf = (source: { readonly kind: string }) => (source.kind === 'image' ? '/copy' : null);
const said = (text: string | null) => ({ blockJobs: new Map(text === null ? [] : [['vda', text]]) });
const none = { target: 'vda', mirror: null };

// As virsh of libvirt 9.0 prints them.
it.each([
  ['Block Copy', 'copy'],
  ['Block Pull', 'pull'],
  ['Block Commit', 'commit'],
  ['Active Block Commit', 'activeCommit'],
  ['Backup', 'backup'],
])('knows the job that virsh calls %s', (word, kind) => {
  const job = blockJobOf(none, said(` type=${word}\n bandwidth=1\n cur=16777216\n end=1073741824\n`), nameOf);
  expect(job).toEqual({ kind, target: null, ready: false, detail: null });
});

it('takes a job that virsh has another word for, or cannot tell, as one', () => {
  expect(blockJobOf(none, said(' type=Block Polish\n cur=0\n'), nameOf)).toMatchObject({
    kind: 'unknown',
    detail: 'Block Polish',
  });
  const error = 'error: Timed out during operation: cannot acquire state change lock\n';
  expect(blockJobOf(none, said(error), nameOf)).toMatchObject({
    kind: 'unknown',
    detail: 'Timed out during operation: cannot acquire state change lock',
  });
});

it('takes a driver that knows no such jobs for one without any', () => {
  const words = 'error: this function is not supported by the connection driver: virDomainGetJobInfo\n';
  expect(blockJobOf(none, said(words), nameOf)).toBeNull();
  expect(vmJobOf({ state: 'running (booted)', control: 'ok', job: words })).toBeNull();
});

it('takes no words for no job, unless the definition shows one', () => {
  expect(blockJobOf(none, said('\n'), nameOf)).toBeNull();
  const unsupported = 'error: this function is not supported by the connection driver: virDomainGetBlockJobInfo\n';
  expect(blockJobOf(none, said(unsupported), nameOf)).toBeNull();
  expect(blockJobOf(mirror('copy', true), said('\n'), nameOf)).toEqual({
    kind: 'copy',
    target: '/copy',
    ready: true,
    detail: null,
  });
  expect(blockJobOf(mirror('active-commit', false), said(null), nameOf)).toMatchObject({ kind: 'activeCommit' });
});

it.each([
  ['running (booted)', 'ok', 'Job type:         None        \n', null],
  ['running (booted)', 'ok', 'Job type:         Unbounded   \nOperation:        Backup      \n', 'backup'],
  ['running (booted)', 'ok', 'Job type:         Unbounded   \nOperation:        Outgoing migration\n', 'migration'],
  // What was, kept to be looked at; the state says whether it is over.
  ['running (booted)', 'ok', 'Job type:         Completed   \nOperation:        Save        \n', null],
  ['paused (saving)', 'ok', 'Job type:         Completed   \nOperation:        Save        \n', 'save'],
  ['paused (migrating)', 'ok', 'Job type:         Completed   \nOperation:        Outgoing migration\n', 'migration'],
  // Restored from a file, as it was saved.
  ['paused (migrating)', 'ok', 'Job type:         None        \n\n', null],
  ['running (booted)', 'occupied (3.5s)', null, 'unknown'],
  ['running (booted)', 'ok', 'error: Timed out during operation\n', 'unknown'],
  [
    'running (booted)',
    'error: this function is not supported by the connection driver: virDomainGetControlInfo',
    null,
    null,
  ],
  [
    'running (booted)',
    'ok',
    'error: this function is not supported by the connection driver: virDomainGetJobInfo\n',
    null,
  ],
  ['shut off (destroyed)', 'error: Requested operation is not valid: domain is not running', null, null],
])('of a VM that is %s, %s, with %j, says %s', (state, control, job, kind) => {
  expect(vmJobOf({ state, control, job })?.kind ?? null).toBe(kind);
});
