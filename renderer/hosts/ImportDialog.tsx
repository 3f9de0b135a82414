import { useEffect, useState } from 'react';
import type { ImportCandidate, ImportSource } from '../../shared/contract.ts';
import type { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { CheckboxLine, ChoiceField, TextField } from '../design/fields.tsx';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { Skeleton } from '../design/Skeleton.tsx';
import { asSnaptreeError } from '../ipc/client.ts';
import { useClient } from '../ipc/client-context.ts';
import { useRequest } from '../ipc/use-request.ts';
import styles from './ImportDialog.module.css';
import { connectionText } from '../appearance/session-words.ts';

const css = classes(styles);

/** Adds hosts that the user has written down elsewhere: in OpenSSH's configuration, or as a libvirt URI. */
export function ImportDialog({ onClose }: { readonly onClose: () => void }) {
  const client = useClient();
  const [kind, setKind] = useState<ImportSource['kind']>('sshConfig');
  const [uri, setUri] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [failures, setFailures] = useState<Readonly<Record<string, SnaptreeError>>>({});
  const [adding, setAdding] = useState(false);
  const looking = useRequest('hosts.importable');
  const { send } = looking;

  useEffect(() => {
    if (kind === 'sshConfig') void send({ source: { kind } });
  }, [kind, send]);

  const look = () => {
    setChosen(new Set());
    setFailures({});
    void send({ source: { kind: 'uri', uri: uri.trim() } }).then((found) => {
      setChosen(new Set(found?.candidates.filter(isNew).map(({ origin }) => origin)));
    });
  };
  const candidates = looking.value?.candidates ?? [];
  const newOnes = candidates.filter(isNew).map(({ origin }) => origin);
  const settings = candidates.flatMap((candidate) =>
    candidate.settings && chosen.has(candidate.origin)
      ? [{ origin: candidate.origin, settings: candidate.settings }]
      : [],
  );
  const add = async () => {
    if (settings.length === 0 || adding) return;
    setAdding(true);
    const failed = await addAll(client.request.bind(client), settings);
    setAdding(false);
    if (Object.keys(failed).length === 0) onClose();
    setFailures(failed);
    setChosen(new Set(Object.keys(failed)));
  };

  return (
    <Dialog
      title="Import hosts"
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            label={`Add ${count(settings.length, 'host')}`}
            disabledReason={settings.length === 0 ? 'Nothing is chosen.' : adding ? 'They are being added.' : null}
            onPress={() => {
              void add();
            }}
          >
            Add {count(settings.length, 'host')}
          </Button>
        </>
      }
    >
      <div className={css('content')}>
        <ChoiceField<ImportSource['kind']>
          label="From"
          row
          value={kind}
          onChange={(next) => {
            setKind(next);
            setChosen(new Set());
            setFailures({});
            looking.reset();
          }}
          choices={[
            { value: 'sshConfig', label: '~/.ssh/config' },
            { value: 'uri', label: 'A libvirt URI' },
          ]}
        />
        {kind === 'uri' && (
          <form
            className={css('uri')}
            onSubmit={(event) => {
              event.preventDefault();
              look();
            }}
          >
            <TextField
              label="URI"
              value={uri}
              mono
              autoFocus
              placeholder="qemu+ssh://root@kvm1.example.org/system"
              description="As virt-manager and virsh -c take it."
              onChange={setUri}
            />
            <div className={css('look')}>
              <Button type="submit">Look</Button>
            </div>
          </form>
        )}
        {looking.pending && <Skeleton lines={3} label="Asking OpenSSH" />}
        {looking.error && <NothingToImport error={looking.error} />}
        {!looking.pending && looking.value && candidates.length === 0 && (
          <p className={css('quiet')}>
            {kind === 'sshConfig'
              ? 'There is no Host with a name of its own in ~/.ssh/config (patterns such as * are none).'
              : 'Nothing was found.'}
          </p>
        )}
        {newOnes.length > 1 && !looking.pending && (
          <div className={css('all')}>
            {count(candidates.length, 'host')}, {newOnes.length} of them new
            <Button
              size="small"
              onPress={() => {
                setChosen(new Set(newOnes));
              }}
            >
              Choose all new ones
            </Button>
          </div>
        )}
        {candidates.length > 0 && !looking.pending && (
          <ul className={css('candidates')} aria-label="Hosts that can be added">
            {candidates.map((candidate) => (
              <li key={candidate.origin} className={css('candidate')}>
                <Candidate
                  candidate={candidate}
                  chosen={chosen.has(candidate.origin)}
                  failure={failures[candidate.origin] ?? null}
                  onChange={(selected) => {
                    const next = new Set(chosen);
                    if (selected) next.add(candidate.origin);
                    else next.delete(candidate.origin);
                    setChosen(next);
                  }}
                />
              </li>
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  );
}

/** That there is nothing to import from is no fault: most people have no configuration of OpenSSH. */
function NothingToImport({ error }: { readonly error: SnaptreeError }) {
  if (error.code !== 'importFailed' || error.data['reason'] !== undefined) return <ErrorCallout error={error} />;
  return (
    <Callout tone="information" live>
      <HostText text={error.message} lines />
    </Callout>
  );
}

function isNew({ settings, sameAs }: ImportCandidate): boolean {
  return settings !== null && sameAs === null;
}

type AddHost = (name: 'hosts.add', payload: { readonly settings: HostSettings }) => Promise<unknown>;

/** Adds one after the other. Gives what failed, by origin. */
async function addAll(
  request: AddHost,
  hosts: readonly { readonly origin: string; readonly settings: HostSettings }[],
): Promise<Readonly<Record<string, SnaptreeError>>> {
  const failed: Record<string, SnaptreeError> = {};
  for (const { origin, settings } of hosts) {
    try {
      await request('hosts.add', { settings });
    } catch (thrown) {
      failed[origin] = asSnaptreeError(thrown);
    }
  }
  return failed;
}

function Candidate({
  candidate,
  chosen,
  failure,
  onChange,
}: {
  readonly candidate: ImportCandidate;
  readonly chosen: boolean;
  readonly failure: SnaptreeError | null;
  readonly onChange: (chosen: boolean) => void;
}) {
  const { origin, settings, problem, notes, sameAs } = candidate;
  const name = <HostText text={settings?.name ?? origin} />;
  return (
    <>
      {settings ? (
        <CheckboxLine selected={chosen} onChange={onChange}>
          <span className={css('name')}>{name}</span>
        </CheckboxLine>
      ) : (
        <p className={css('name', 'impossible')}>{name}</p>
      )}
      <div className={css('about')}>
        {settings && (
          <p>
            <code>
              <HostText text={connectionText(settings.connection)} />
            </code>
          </p>
        )}
        {sameAs !== null && (
          <p className={css('quiet')}>
            Is in the host book already, as <HostText text={sameAs} />.
          </p>
        )}
        {problem !== null && (
          <p className={css('problem')}>
            <HostText text={problem} lines />
          </p>
        )}
        {notes.map((note) => (
          <p key={note} className={css('quiet')}>
            <HostText text={note} />
          </p>
        ))}
        {failure && (
          <p className={css('problem')} role="alert">
            <HostText text={failure.message} lines />
          </p>
        )}
      </div>
    </>
  );
}
