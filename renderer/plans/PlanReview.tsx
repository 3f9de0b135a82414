import { Fragment } from 'react';
import type { Plan, PlanNote, PlanStep } from '../../shared/model/plan.ts';
import { runsMeaning, stepCancelMeaning } from '../../shared/rules/operations/step-sentences.ts';
import { Callout } from '../design/Callout.tsx';
import { Chip, type Tone } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { CommandText } from '../design/CommandText.tsx';
import { CopyButton } from '../design/Copy.tsx';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { ChainChange } from './ChainChange.tsx';
import { findVm } from '../store/state.ts';
import { useStore } from '../store/store.ts';
import { stateWords } from '../../shared/rules/text/state-words.ts';
import { foldSteps } from '../../shared/rules/operations/fold-steps.ts';
import { planSentence } from '../../shared/rules/operations/plan-sentence.ts';
import { PlannedTreeView } from './PlannedTreeView.tsx';
import { PlanRooms } from './PlanRooms.tsx';
import { StepsAlike } from './StepsAlike.tsx';
import { newVmChains, plannedChains, plannedTree } from './plan-changes.ts';
import styles from './PlanReview.module.css';
import { shellText } from '../../shared/rules/text/shell-words.ts';

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
          <Notes notes={plan.refusals} />
        </Callout>
      )}
      {plan.warnings.length > 0 && (
        <Callout tone="warning" title="Know this first">
          <Notes notes={plan.warnings} />
        </Callout>
      )}
      {!refused && (
        <div className={css('columns')}>
          <div className={css('column')}>
            <Summary plan={plan} />
            <section>
              <h3 className={css('heading')}>Steps</h3>
              <ol className={css('steps')}>
                {foldSteps(plan.steps).map(({ first, rest }) => (
                  <Fragment key={first.index}>
                    <Step plan={plan} step={first} />
                    {rest.length > 0 && <StepsAlike first={first} rest={rest} />}
                  </Fragment>
                ))}
              </ol>
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

function Notes({ notes }: { readonly notes: readonly PlanNote[] }) {
  return (
    <ul className={css('notes')}>
      {notes.map((note, index) => (
        <li key={index}>
          <HostText text={note.message} lines />
          {note.untold && (
            <span className={css('names')}>
              {note.untold.map((name) => (
                <Chip key={name} title={visibleString(name)}>
                  <HostText text={name} />
                </Chip>
              ))}
            </span>
          )}
        </li>
      ))}
    </ul>
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

const effects: readonly (readonly [
  keyof PlanStep & ('deletes' | 'invalidates' | 'creates' | 'writes' | 'reads'),
  string,
  Tone,
])[] = [
  ['deletes', 'deletes', 'danger'],
  ['invalidates', 'changes for others', 'warning'],
  ['creates', 'creates', 'success'],
  ['writes', 'writes', 'accent'],
  ['reads', 'reads', 'neutral'],
];

function Step({ plan, step }: { readonly plan: Plan; readonly step: PlanStep }) {
  const command = shellText(step.argv);
  return (
    <li className={css('step')}>
      <p className={css('stepTitle')}>
        <span className={css('number')}>{step.index + 1}</span>
        <HostText text={step.title} />
      </p>
      <div className={css('commandLine')}>
        <CommandText text={command} what={`Command of step ${step.index + 1}`} />
        <CopyButton text={command} what={`command of step ${step.index + 1}`} />
      </div>
      <ul className={css('effects')}>
        {effects.flatMap(([key, word, tone]) =>
          step[key].map((path) => (
            <li key={`${key} ${path}`}>
              <Chip tone={tone}>{word}</Chip>
              <code>
                <HostText text={path} />
              </code>
            </li>
          )),
        )}
      </ul>
      <p className={css('cancel')}>
        {[runsMeaning(step), `If cancelled here: ${stepCancelMeaning(plan, step)}`].join(' ').trim()}
      </p>
    </li>
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
