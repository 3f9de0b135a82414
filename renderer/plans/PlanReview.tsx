import type { Plan } from '../../shared/model/plan.ts';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { ChainChange } from './ChainChange.tsx';
import { findVm } from '../store/state.ts';
import { useStore } from '../store/store.ts';
import { stateWords } from '../../shared/rules/text/state-words.ts';
import { planSentence } from '../../shared/rules/operations/plan-sentence.ts';
import { PlannedTreeView } from './PlannedTreeView.tsx';
import { PlanNotes } from './PlanNotes.tsx';
import { PlanRooms } from './PlanRooms.tsx';
import { PlanSteps } from './PlanSteps.tsx';
import { newVmChains, plannedChains, plannedTree } from './plan-changes.ts';
import styles from './PlanReview.module.css';

const css = classes(styles);

/** A plan as it is to be read before it is run: why not, what to know, what exactly, and what then. */
export function PlanReview({ plan }: { readonly plan: Plan }) {
  const refused = plan.refusals.length > 0;
  return (
    <>
      {!refused && <Sentence plan={plan} />}
      <p className={css('subject')}>
        VM <strong>{<HostText text={plan.vmName} />}</strong> on host{' '}
        <strong>{<HostText text={plan.hostName} />}</strong>
        {!refused && <span className={css('quiet')}>, {count(plan.steps.length, 'step')}. Nothing has run yet.</span>}
      </p>
      {refused && (
        <Callout tone="danger" title="This plan is refused, and nothing was changed">
          <PlanNotes notes={plan.refusals} />
        </Callout>
      )}
      {plan.warnings.length > 0 && (
        <Callout tone="warning" title="Know this first">
          <PlanNotes notes={plan.warnings} />
        </Callout>
      )}
      {!refused && (
        <div className={css('columns')}>
          <div className={css('column')}>
            <Summary plan={plan} />
            <section>
              <h3 className={css('heading')}>Steps</h3>
              <PlanSteps plan={plan} />
            </section>
          </div>
          <Afterwards plan={plan} />
        </div>
      )}
    </>
  );
}

function Sentence({ plan }: { readonly plan: Plan }) {
  const inventory = useStore((state) => state.inventories[plan.hostId]?.inventory ?? null);
  return (
    <p className={css('sentence')}>
      <HostText text={planSentence(plan, inventory)} />
    </p>
  );
}

function Summary({ plan }: { readonly plan: Plan }) {
  return (
    <dl className={css('facts')}>
      <div>
        <dt>Space</dt>
        <dd>
          <PlanRooms rooms={plan.rooms} />
        </dd>
      </div>
      <div>
        <dt>Pause</dt>
        <dd>
          {plan.expectedPause === null ? 'The guest does not stand still.' : <HostText text={plan.expectedPause} />}
        </dd>
      </div>
      <div>
        <dt>VM then</dt>
        <dd>{stateWords[plan.after.vmState]}</dd>
      </div>
    </dl>
  );
}

function Afterwards({ plan }: { readonly plan: Plan }) {
  const before = useStore((state) => findVm(state, plan.hostId, plan.vmUuid));
  const inventory = useStore((state) => state.inventories[plan.hostId]?.inventory ?? null);
  if (!before?.readable || !inventory) return null;
  const tree = plannedTree(before, plan);
  const chains = plannedChains(before, inventory, plan);
  const { newVm } = plan.after;
  return (
    <div className={css('column')}>
      {newVm && (
        <section>
          <h3 className={css('heading')}>
            Chains of <HostText text={newVm.name} />
          </h3>
          {newVmChains(plan, inventory).map((chain) => (
            <ChainChange key={chain.target} chain={chain} isNew />
          ))}
        </section>
      )}
      <section>
        <h3 className={css('heading')}>Snapshots afterwards</h3>
        <PlannedTreeView tree={tree} plan={plan} vm={before} />
      </section>
      {chains.length > 0 && (
        <section>
          <h3 className={css('heading')}>Chains afterwards</h3>
          {chains.map((chain) => (
            <ChainChange key={chain.target} chain={chain} />
          ))}
        </section>
      )}
    </div>
  );
}
