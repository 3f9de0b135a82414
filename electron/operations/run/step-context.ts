/** What running, examining and ending an operation need of the world around it. */
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Plan } from '../../../shared/model/plan.ts';
import type { Log } from '../../base/log.ts';
import type { AuditEntry, AuditTrail } from '../../store/audit-trail.ts';
import type { HostTools } from '../host/host-tools.ts';
import type { LiveOperation } from './live-operation.ts';
import type { PlanService } from '../plans/plans.ts';

/** Writes into the audit trail what was done for an operation. Never throws. */
export type Audit = (
  event: AuditEntry['event'],
  live: Pick<LiveOperation, 'id' | 'operation'>,
  part: Partial<Pick<AuditEntry, 'stepIndex' | 'argv' | 'exitCode' | 'output'>> & { readonly outcome: string },
) => Promise<void>;

export interface StepContext {
  /** Throws `hostNotConnected`, `hostNotFound`. */
  readonly toolsFor: (hostId: string) => HostTools;
  readonly readHost: (hostId: string) => Promise<{ readonly inventory: Inventory }>;
  /** Whether no change of the host may be run, now. Throws `hostNotFound`. */
  readonly isReadOnly: (hostId: string) => boolean;
  /** See `PlanService.again`. */
  readonly planAgain: PlanService['again'];
  readonly clock: () => number;
  readonly log: Log;
  /** Never throws. */
  readonly audit: Audit;
  /** Removes what an ended operation left on its host. Never throws: what fails is tried again. */
  readonly cleanUp: (live: LiveOperation) => Promise<void>;
}

interface Parts extends Omit<StepContext, 'audit' | 'cleanUp'> {
  readonly auditTrail: Pick<AuditTrail, 'append'>;
  readonly startedBy: { readonly user: string; readonly computer: string };
}

export function createStepContext({ auditTrail, startedBy, ...parts }: Parts): StepContext {
  const { toolsFor, clock, log } = parts;
  return {
    ...parts,
    audit: createAudit({ auditTrail, startedBy, clock, log }),
    async cleanUp(live) {
      const { plan } = live.operation;
      const { jobFolder } = live.state;
      try {
        const result = await toolsFor(plan.hostId).cleanUp({ operationId: live.id, jobFolder });
        if (result === 'running') return;
        await live.record({ type: 'cleanedUp' });
        if (live.state.rejected) await live.removeJournal();
      } catch (error) {
        log.warn('what an operation left on its host could not be removed; tried again when it is connected', {
          operationId: live.id,
          error,
        });
      }
    },
  };
}

export function createAudit({
  auditTrail,
  startedBy,
  clock,
  log,
}: Pick<Parts, 'auditTrail' | 'startedBy' | 'clock' | 'log'>): Audit {
  return async (event, live, part) => {
    const { hostId, hostName, vmUuid, vmName, title }: Plan = live.operation.plan;
    try {
      await auditTrail.append({
        at: new Date(clock() * 1000).toISOString(),
        event,
        ...startedBy,
        hostId,
        hostName,
        vmUuid,
        vmName,
        operationId: live.id,
        title,
        stepIndex: null,
        argv: null,
        exitCode: null,
        output: '',
        ...part,
      });
    } catch (error) {
      // The journal holds the same facts, and it does stop an operation.
      log.error('the audit trail could not be written', { event, operationId: live.id, error });
    }
  };
}
