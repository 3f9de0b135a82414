/** A report as the window may get it; its numbers are made up, but agree with each other. */
import type { Finding, Report } from '../../shared/model/report.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';

const about = { hostName: 'kvm1', vmName: 'web-01', vmUuid: null, snapshotName: null, path: null };

const findings: readonly Finding[] = [
  {
    ...about,
    code: 'imageMissing',
    severity: 'critical',
    path: '/srv/images/golden.qcow2',
    message: 'The chain of disk vda of web-01 is broken: /srv/images/golden.qcow2 is missing.',
    remedy: 'Put the image back.',
  },
  {
    ...about,
    code: 'snapshotOld',
    severity: 'warning',
    snapshotName: 'before release 5',
    message: 'The snapshot “before release 5” is 412 days old.',
    remedy: 'Delete it if nobody needs it any more.',
  },
  {
    ...about,
    vmName: null,
    code: 'fileWithoutRecord',
    severity: 'information',
    path: `/srv/images/${'a-long-folder-name/'.repeat(6)}old.qcow2`,
    message: `Nothing names the image /srv/images/${'a-long-folder-name/'.repeat(6)}old.qcow2.`,
    remedy: 'Look what it is before you remove it.',
  },
];

export function madeReport(): Report {
  const counts = { vms: 12, unreadableVms: 1, snapshots: 34, images: 40, allocatedBytes: 1e12 };
  return {
    schema: 'snaptree.report',
    version: 1,
    createdAt: '2026-11-20T10:00:00Z',
    thresholds: defaultReportThresholds,
    hosts: [{ hostName: 'kvm1', hypervisor: null, readAt: null, counts, filesystems: [] }],
    rows: [],
    findings: [...findings],
    unread: [
      { hostName: 'kvm2', what: 'kvm2', reason: 'The host did not answer within 20 seconds. Check address and port.' },
      { hostName: 'kvm1', what: 'mail-legacy', reason: 'Its definition cannot be read.' },
    ],
    totals: {
      hosts: 2,
      unreadHosts: 1,
      vms: 12,
      unreadableVms: 1,
      snapshots: 34,
      rows: 0,
      findings: { information: 1, warning: 1, critical: 1 },
      unread: 2,
    },
  };
}
