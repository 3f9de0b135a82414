import { CheckboxLine, ChoiceField, TextField } from '../design/fields.tsx';
import { classes } from '../design/classes.ts';
import styles from './BatchDialog.module.css';
import type { NewSnapshots } from './requests.ts';

const css = classes(styles);

/** What the new snapshots of many VMs have in common. */
export function NewSnapshotFields({
  created,
  nameError,
  onChange,
}: {
  readonly created: NewSnapshots;
  readonly nameError: string | null;
  readonly onChange: (created: NewSnapshots) => void;
}) {
  return (
    <div className={css('created')}>
      <TextField
        label="Name of each"
        value={created.name}
        error={nameError}
        onChange={(name) => {
          onChange({ ...created, name });
        }}
      />
      <TextField
        label="Description (optional)"
        value={created.description}
        error={created.description.length > 10_000 ? 'At most 10 000 characters.' : null}
        onChange={(description) => {
          onChange({ ...created, description });
        }}
      />
      <ChoiceField<NewSnapshots['kind']>
        label="Kind"
        value={created.kind}
        onChange={(kind) => {
          onChange({ ...created, kind });
        }}
        choices={[
          {
            value: 'external',
            label: 'External, disks only',
            description: 'New overlays take the writes of every disk: hardly a pause, but no memory.',
          },
          {
            value: 'internal',
            label: 'Internal',
            description: 'Inside the images, with the memory of guests that run, which stand still meanwhile.',
          },
        ]}
      />
      {created.kind === 'external' && (
        <CheckboxLine
          selected={created.quiesces}
          onChange={(quiesces) => {
            onChange({ ...created, quiesces });
          }}
          description="By the agent in each guest that runs: all files are complete then. A VM whose agent cannot do it is left out, and the review says which."
        >
          Freeze the file systems of the guests meanwhile
        </CheckboxLine>
      )}
    </div>
  );
}
