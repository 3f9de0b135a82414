/** The jobs of a VM and of its disks, from what virsh and the VM's definition say. Pure. */
import type { BlockJob, VmJob } from '../../../../shared/model/inventory.ts';
import type { DomainDisk } from './definitions/domain-xml.ts';
import { virshError, type VmAnswers } from './host-answers.ts';

/** virsh's words for block jobs (libvirt, tools/virsh-domain.c, virshDomainBlockJob). */
const blockJobKinds: ReadonlyMap<string, BlockJob['kind']> = new Map([
  ['Block Pull', 'pull'],
  ['Block Copy', 'copy'],
  ['Block Commit', 'commit'],
  ['Active Block Commit', 'activeCommit'],
  ['Backup', 'backup'],
]);

const mirrorKinds: ReadonlyMap<string, BlockJob['kind']> = new Map([
  ['copy', 'copy'],
  ['active-commit', 'activeCommit'],
]);

/**
 * The block job of a disk; null where there is none. The definition shows copies and commits of the active layer, and is
 * not enough: a commit further down and a pull leave no trace in it. virsh says nothing at all where there is no job.
 *
 * @param nameOf how a source is shown
 */
export function blockJobOf(
  { target, mirror }: Pick<DomainDisk, 'target' | 'mirror'>,
  { blockJobs }: Pick<VmAnswers, 'blockJobs'>,
  nameOf: (source: NonNullable<DomainDisk['mirror']>['source']) => string | null,
): BlockJob | null {
  const said = blockJobs.get(target) ?? '';
  if (mirror) {
    const kind = mirrorKinds.get(mirror.job) ?? 'unknown';
    const detail = kind === 'unknown' ? mirror.job : null;
    return { kind, target: nameOf(mirror.source), ready: mirror.ready, detail };
  }
  if (tellsNoJob(said)) return null;
  const word = /^ *type=(.+)$/m.exec(said)?.[1]?.trim();
  const kind = blockJobKinds.get(word ?? '') ?? 'unknown';
  const detail = kind === 'unknown' ? (word ?? virshError(said) ?? said.trim()) : null;
  return { kind, target: null, ready: false, detail };
}

/** Operations of `virsh domjobinfo`, and what the reason for a state shows where the job is over for libvirt already. */
const operations: readonly (readonly [pattern: RegExp, kind: VmJob['kind']])[] = [
  [/backup/i, 'backup'],
  [/migrat/i, 'migration'],
  [/^sav/i, 'save'],
  [/dump/i, 'dump'],
  [/snapshot/i, 'snapshot'],
];

/** Reasons for a state that are work going on (virsh-domain-monitor.c, virshDomainPausedReason). */
const reasonsOfWork = /^paused \((saving|migrating|dumping|snapshot)\)/;

/** The work on a VM as a whole; null where there is none. */
export function vmJobOf({ state, control, job }: Pick<VmAnswers, 'state' | 'control' | 'job'>): VmJob | null {
  if (/^(shut off|crashed)/.test(state) || state === '') return null;
  const reason = reasonsOfWork.exec(state)?.[1];
  // One whose memory was loaded and that stays paused keeps that reason until it runs (seen on 11.3). Of a VM that comes in, libvirt tells no type.
  const isRestored = reason === 'migrating' && job !== null && field(job, 'Job type') === 'None';
  if (reason !== undefined && !isRestored) return jobOf(reason);
  if (job === null) {
    // What could not be asked for on the way stands in the VM's problems.
    return tellsNoJob(control) ? null : { kind: 'unknown', detail: whySilent(control) };
  }
  if (tellsNoJob(job)) return null;
  const error = virshError(job);
  if (error !== null) return { kind: 'unknown', detail: error };
  const type = field(job, 'Job type');
  // "Completed" is what was, kept to be looked at.
  if (type === 'None' || type === 'Completed' || type === 'Failed' || type === 'Cancelled') return null;
  return jobOf(field(job, 'Operation') || type);
}

/**
 * Why a VM was not asked, or gave no answer in the time that it had, in half a sentence.
 *
 * @param control in the words of `virsh domcontrol`. `occupied`: libvirt waits for an answer of QEMU. `background job`: a save, a
 * migration and the like, which may itself wait for one.
 */
export function whySilent(control: string): string {
  const said = control.trim();
  const [, word, seconds] = /^(occupied|background job) \(([\d.]+)s\)$/.exec(said) ?? [];
  if (word === 'occupied') return `its QEMU has not answered for ${about(Number(seconds))}`;
  if (word !== undefined) return `something that began ${about(Number(seconds))} ago keeps it busy`;
  return said === 'ok' ? 'no answer came in time' : (virshError(said) ?? said);
}

/** In steps, so that not every reading differs from the one before. */
function about(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return 'some seconds';
  const [count, unit] = minutes < 60 ? [minutes, 'minute'] : [Math.floor(minutes / 60), 'hour'];
  return count === 1 ? `a${unit === 'hour' ? 'n' : ''} ${unit}` : `${String(count)} ${unit}s`;
}

/** Whether work is going on, as far as it is told: when that ends, nothing else of the VM need change. */
export function isAtWork(answers: Pick<VmAnswers, 'state' | 'control' | 'job' | 'blockJobs'>): boolean {
  return vmJobOf(answers) !== null || [...answers.blockJobs.values()].some((said) => !tellsNoJob(said));
}

/** A driver without such jobs, as libvirt's own for tests, has none to show. */
function tellsNoJob(said: string): boolean {
  return said.trim() === '' || said.includes('not supported by the connection driver');
}

/** The value of a line such as `Operation:        Backup      `; empty where there is none. */
function field(text: string, name: string): string {
  const line = text.split('\n').find((each) => each.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}

function jobOf(detail: string): VmJob {
  return { kind: operations.find(([pattern]) => pattern.test(detail))?.[1] ?? 'other', detail };
}
