import { Search } from 'lucide-react';
import type { Operation, Resolution } from '../../shared/model/operation.ts';
import { interruptedMeaning, resolutionMeaning } from '../../shared/rules/operations/step-sentences.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';
import { useStore } from '../store/store.ts';
import { findingWords } from './operation-words.ts';

/** What to do about an operation that was cut off: look first, then go on or let it be. */
export function Interruption({ operation }: { readonly operation: Operation }) {
  const examining = useRequest('operations.examine');
  const resolving = useRequest('operations.resolve');
  const connected = useStore((state) => state.hosts[operation.plan.hostId]?.session.state === 'connected');
  const { examination } = operation;
  const step = operation.steps.find((candidate) => candidate.state === 'unknown');
  const planned = step && operation.plan.steps[step.index];
  const resolve = (choice: Resolution) => {
    void resolving.send({ operationId: operation.id, choice });
  };
  return (
    <>
      <Callout
        tone="warning"
        title={examination ? findingWords[examination.finding] : 'It was cut off, and its outcome is not known'}
        actions={
          <>
            {examination?.choices.includes('resume') && (
              <Button
                tone="primary"
                disabledReason={
                  connected ? (resolving.pending ? 'This is under way.' : null) : 'The host is not connected.'
                }
                label="Resume"
                onPress={() => {
                  resolve('resume');
                }}
              >
                Resume
              </Button>
            )}
            {examination?.choices.includes('undo') && (
              <Button
                disabledReason={
                  connected ? (resolving.pending ? 'This is under way.' : null) : 'The host is not connected.'
                }
                label="Undo"
                onPress={() => {
                  resolve('undo');
                }}
              >
                Undo
              </Button>
            )}
            {examination?.choices.includes('forget') && (
              <Button
                disabledReason={resolving.pending ? 'This is under way.' : null}
                label="Forget"
                onPress={() => {
                  resolve('forget');
                }}
              >
                Forget
              </Button>
            )}
            <Button
              tone={examination ? 'normal' : 'primary'}
              label={examination ? 'Examine again' : 'Examine'}
              disabledReason={
                connected ? (examining.pending ? 'The host is being read.' : null) : 'The host is not connected.'
              }
              onPress={() => {
                void examining.send({ operationId: operation.id });
              }}
            >
              <Search size={14} aria-hidden />
              {examining.pending ? 'Examining…' : examination ? 'Examine again' : 'Examine'}
            </Button>
          </>
        }
        live
      >
        {examination ? (
          <>
            <p>
              <HostText text={examination.message} lines /> (Read at {formatTime(examination.at)}.)
            </p>
            {examination.choices.length > 0 && <p>{examination.choices.map(resolutionMeaning).join(' ')}</p>}
          </>
        ) : (
          <p>Nothing else is done to this VM until the host was read. Examine reads it and changes nothing.</p>
        )}
        {planned && !examination && <p>{interruptedMeaning(planned)}</p>}
      </Callout>
      {examining.error && <ErrorCallout error={examining.error} />}
      {resolving.error && <ErrorCallout error={resolving.error} />}
    </>
  );
}
