import { useState } from 'react';
import type { Answer, Question } from '../../shared/model/question.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';
import { useStore } from '../store/store.ts';
import styles from './QuestionDialog.module.css';

const css = classes(styles);

/** The oldest question that is open, if any. One at a time: each has to be thought about. */
export function QuestionDialog() {
  const question = useStore((state) => state.questions[0]);
  return question ? <OneQuestion key={question.id} question={question} /> : null;
}

function OneQuestion({ question }: { readonly question: Question }) {
  const answering = useRequest('questions.answer');
  const answer = (given: Answer) => {
    void answering.send({ questionId: question.id, answer: given });
  };
  const decline = () => {
    answer({ kind: 'decline' });
  };
  const error = answering.error && <ErrorCallout error={answering.error} />;
  if (question.kind === 'unknownHostKey') {
    return (
      <Dialog
        title="Is this the right host?"
        alert
        onClose={decline}
        footer={
          <>
            <Button
              onPress={() => {
                answer({ kind: 'accept' });
              }}
            >
              Yes, trust this key
            </Button>
            <Button tone="primary" autoFocus onPress={decline}>
              No, do not connect
            </Button>
          </>
        }
      >
        <div className={css('content')}>
          <p>
            <HostText text={question.hostName} /> is not known yet. At{' '}
            <code>
              <HostText text={question.address} />:{question.port}
            </code>{' '}
            a host answered with this {question.keyType} key:
          </p>
          <p className={css('fingerprint')}>
            <code>{question.fingerprint}</code>
            <CopyButton text={question.fingerprint} what="fingerprint" />
          </p>
          <p>
            Compare it with what the host itself says, for example on its console with{' '}
            <code className={css('nowrap')}>ssh-keygen -lf</code> on its public host key. If they differ, somebody
            stands in between. A trusted key is remembered.
          </p>
          {error}
        </div>
      </Dialog>
    );
  }
  if (question.kind === 'prompt') return null;
  return <SecretQuestion question={question} error={error} onAnswer={answer} onDecline={decline} />;
}

function SecretQuestion({
  question,
  error,
  onAnswer,
  onDecline,
}: {
  readonly question: Question & { kind: 'password' | 'passphrase' };
  readonly error: React.ReactNode;
  readonly onAnswer: (answer: Answer) => void;
  readonly onDecline: () => void;
}) {
  const [secret, setSecret] = useState('');
  const isPassword = question.kind === 'password';
  const submit = () => {
    onAnswer({ kind: 'secret', secret });
    setSecret('');
  };
  return (
    <Dialog
      title={isPassword ? 'Password' : 'Passphrase of the key file'}
      width="narrow"
      onClose={onDecline}
      footer={
        <>
          <Button onPress={onDecline}>Cancel</Button>
          <Button tone="primary" onPress={submit}>
            Go on
          </Button>
        </>
      }
    >
      <form
        className={css('content')}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <p>
          {question.kind === 'password' ? (
            <>
              To connect to <HostText text={question.hostName} /> as{' '}
              <code>
                <HostText text={`${question.user}@${question.address}`} />
              </code>
              . It is used once and not kept.
            </>
          ) : (
            <>
              To connect to <HostText text={question.hostName} /> with{' '}
              <code>
                <HostText text={question.keyPath} />
              </code>
              . It is used once and not kept.
            </>
          )}
        </p>
        <TextField
          label={isPassword ? 'Password' : 'Passphrase'}
          type="password"
          value={secret}
          onChange={setSecret}
          autoFocus
          error={question.attempt > 1 ? `Not accepted. This is attempt ${question.attempt}.` : null}
        />
        {error}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
