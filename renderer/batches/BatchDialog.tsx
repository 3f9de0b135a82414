import { useCallback, useDeferredValue, useMemo, useState } from 'react';
import { mostBatchItems, type BatchRequest } from '../../shared/model/batch.ts';
import { checkSnapshotName } from '../../shared/rules/snapshots/snapshot-names.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ChoiceField, TextField } from '../design/fields.tsx';
import { count, formatSnapshotName } from '../design/format.ts';
import type { DialogState } from '../store/state.ts';
import { useStore } from '../store/store.ts';
import styles from './BatchDialog.module.css';
import { BatchReview } from './BatchReview.tsx';
import { NewSnapshotFields } from './NewSnapshotFields.tsx';
import { requestsOf, type NewSnapshots } from './requests.ts';
import { columnsFor } from './subject-columns.tsx';
import { ageLimit, filtered, snapshotKey, subjectsOf, type Deed, type Filters, type Subject } from './subjects.ts';
import { SubjectTable } from './SubjectTable.tsx';

const css = classes(styles);

type Start = Extract<DialogState, { kind: 'batch' }>;
type Chosen = Readonly<Record<Deed, ReadonlySet<string>>>;

const ofDeed: Readonly<Record<Deed, { readonly label: string; readonly subject: string; readonly none: string }>> = {
  delete: { label: 'Delete snapshots', subject: 'snapshot', none: 'There is no snapshot' },
  create: { label: 'Create a snapshot of each', subject: 'VM', none: 'There is no VM' },
  merge: { label: 'Merge chains down', subject: 'VM', none: 'There is no VM with a chain to merge' },
};

/** Asks what is to be done, and to which snapshots or VMs of all hosts, then shows the plan for all of it; back from there loses nothing. */
export function BatchDialog({ start, onClose }: { readonly start: Start; readonly onClose: () => void }) {
  const [deed, setDeed] = useState<Deed>('delete');
  const [filters, setFilters] = useState<Filters>({
    name: '',
    olderThan: '',
    vm: start.vmName ?? '',
    host: start.hostName ?? '',
  });
  const [chosen, setChosen] = useState<Chosen>(() => ({ ...noneChosen, delete: new Set(chosenFirst(start)) }));
  const [created, setCreated] = useState<NewSnapshots>(() => ({
    name: formatSnapshotName(new Date()),
    kind: 'external',
    description: '',
    quiesces: false,
  }));
  const [requests, setRequests] = useState<readonly BatchRequest[] | null>(null);
  // Of the moment at which it was opened: rows do not move while somebody chooses.
  const [now] = useState(() => Date.now() / 1000);

  const { subjects, missing } = useSubjects(deed);
  const typed = useDeferredValue(filters);
  const { shown, ofUnknownAge } = useMemo(() => filtered(subjects, typed, now), [subjects, typed, now]);
  const columns = useMemo(() => columnsFor(deed, now), [deed, now]);
  const chosenSubjects = useMemo(() => subjects.filter(({ key }) => chosen[deed].has(key)), [subjects, chosen, deed]);
  const choose = useCallback(
    (keys: ReadonlySet<string>) => {
      setChosen((before) => ({ ...before, [deed]: keys }));
    },
    [deed],
  );
  const age = ageLimit(filters.olderThan, now);
  const nameError = deed === 'create' ? checkSnapshotName(created.name) : null;
  const obstacle = chosenObstacle(deed, chosenSubjects.length) ?? nameError;

  if (requests) {
    return (
      <BatchReview
        requests={requests}
        onBack={() => {
          setRequests(null);
        }}
        onClose={onClose}
      />
    );
  }
  const field = (
    name: keyof Filters,
    label: string,
    more: { placeholder?: string; error?: string | null; autoFocus?: boolean } = {},
  ) => (
    <TextField
      label={label}
      value={filters[name]}
      onChange={(value) => {
        setFilters({ ...filters, [name]: value });
      }}
      {...more}
    />
  );
  const { subject, none } = ofDeed[deed];
  return (
    <Dialog
      title="Batch: many changes as one plan"
      width="wide"
      onClose={onClose}
      footer={
        <>
          <Tally subject={subject} chosen={chosenSubjects} shown={shown} />
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            label="Review plan…"
            disabledReason={obstacle}
            onPress={() => {
              const { inventories } = useStore.getState();
              const inventoryOf = (hostId: string) => inventories[hostId]?.inventory ?? null;
              setRequests(requestsOf(deed, chosenSubjects, created, inventoryOf));
            }}
          >
            Review plan…
          </Button>
        </>
      }
    >
      <div className={css('content')}>
        <ChoiceField<Deed>
          label="What to do"
          row
          value={deed}
          onChange={setDeed}
          choices={(['delete', 'create', 'merge'] as const).map((value) => ({ value, label: ofDeed[value].label }))}
        />
        {deed === 'create' && <NewSnapshotFields created={created} nameError={nameError} onChange={setCreated} />}
        {deed === 'merge' && (
          <p className={css('quiet')}>
            Each disk of a VM that is chosen: everything is merged down into the deepest image that nobody else needs as
            it is. Snapshots whose data is merged go with it.
          </p>
        )}
        <div className={css('filters', deed === 'delete' && 'ofSnapshots')} role="group" aria-label="Filters">
          {deed === 'delete' &&
            field('name', 'Snapshot', { placeholder: 'Part of a name, or before-*', autoFocus: true })}
          {deed === 'delete' &&
            field('olderThan', 'Older than', {
              placeholder: '30d, 6w, 2026-10-01',
              error: 'problem' in age ? age.problem : null,
            })}
          {field('vm', 'VM', { placeholder: 'Part of a name, or web-*' })}
          {field('host', 'Host', { placeholder: 'Name, or kvm*' })}
        </div>
        <div className={css('table')}>
          <SubjectTable
            key={deed}
            label={deed === 'delete' ? 'Snapshots' : 'VMs'}
            columns={columns}
            subjects={shown}
            chosen={chosen[deed]}
            onChoose={choose}
            empty={subjects.length === 0 ? `${none} on a connected host.` : `${none} that the filters let through.`}
          />
        </div>
        <p className={css('quiet')} role="status">
          {[
            `${shown.length === subjects.length ? '' : `${shown.length} of `}${count(subjects.length, subject)} shown.`,
            ...(ofUnknownAge > 0 ? [`${ofUnknownAge} of unknown age are not among them.`] : []),
            ...missing,
          ].join(' ')}
        </p>
      </div>
    </Dialog>
  );
}

const nothing: ReadonlySet<string> = new Set();
const noneChosen: Chosen = { delete: nothing, create: nothing, merge: nothing };

function chosenFirst({ chosen }: Start): readonly string[] {
  return chosen?.snapshotIds.map((id) => snapshotKey(chosen.hostId, chosen.vmUuid, id)) ?? [];
}

function useSubjects(deed: Deed) {
  const hostIds = useStore((state) => state.hostIds);
  const hosts = useStore((state) => state.hosts);
  const inventories = useStore((state) => state.inventories);
  return useMemo(() => subjectsOf(deed, { hostIds, hosts, inventories }), [deed, hostIds, hosts, inventories]);
}

function chosenObstacle(deed: Deed, number: number): string | null {
  const { subject } = ofDeed[deed];
  if (number === 0) return `Choose one ${subject} at least.`;
  if (number <= mostBatchItems) return null;
  return `${number} are chosen. A batch has ${mostBatchItems} changes at most: nobody reviews more.`;
}

/** What is chosen, also of what the filters hide. */
function Tally({
  subject,
  chosen,
  shown,
}: {
  readonly subject: string;
  readonly chosen: readonly Subject[];
  readonly shown: readonly Subject[];
}) {
  const keys = useMemo(() => new Set(shown.map(({ key }) => key)), [shown]);
  const hidden = chosen.filter(({ key }) => !keys.has(key)).length;
  const vms = new Set(chosen.map(({ hostId, vm }) => `${hostId}/${vm.uuid}`)).size;
  const hosts = new Set(chosen.map(({ hostId }) => hostId)).size;
  const whose = subject === 'VM' ? '' : ` of ${count(vms, 'VM')}`;
  return (
    <p className={css('tally')} role="status">
      {chosen.length === 0 ? (
        <span className={css('quiet')}>Nothing is chosen yet.</span>
      ) : (
        <>
          <strong>{count(chosen.length, subject)}</strong>
          {`${whose} on ${count(hosts, 'host')} chosen`}
          {hidden > 0 && <span className={css('hidden')}>, {hidden} of them hidden by the filters</span>}
        </>
      )}
    </p>
  );
}
