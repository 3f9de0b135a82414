import { useState } from 'react';
import type { Answer, Question } from '../../shared/model/question.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
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
          {question.note !== null && (
            <p role="note">
              <HostText text={question.note} lines />
            </p>
          )}
          {error}
        </div>
      </Dialog>
    );
  }
  return <TypedAnswer question={question} error={error} onAnswer={answer} onDecline={decline} />;
}

type TypedQuestion = Exclude<Question, { kind: 'unknownHostKey' }>;

/** Something that has to be typed. What the host itself wrote is shown as its words, not as ours. */
function TypedAnswer({
  question,
  error,
  onAnswer,
  onDecline,
}: {
  readonly question: TypedQuestion;
  readonly error: React.ReactNode;
  readonly onAnswer: (answer: Answer) => void;
  readonly onDecline: () => void;
}) {
  const [secret, setSecret] = useState('');
  const submit = () => {
    onAnswer({ kind: 'secret', secret });
    setSecret('');
  };
  const { title, label } = wordsFor(question);
  return (
    <Dialog
      title={title}
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
          To connect to <HostText text={question.hostName} />
          <Purpose question={question} />
        </p>
        {question.kind === 'prompt' && question.instruction.trim() !== '' && (
          <p className={css('words')}>
            <HostText text={question.instruction.trim()} lines />
          </p>
        )}
        <TextField
          label={label}
          type={question.kind === 'prompt' && question.echo ? 'text' : 'password'}
          value={secret}
          onChange={setSecret}
          autoFocus
          error={
            question.kind !== 'prompt' && question.attempt > 1
              ? `Not accepted. This is attempt ${question.attempt}.`
              : null
          }
        />
        {error}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

function wordsFor(question: TypedQuestion): { readonly title: string; readonly label: string } {
  switch (question.kind) {
    case 'password':
      return { title: 'Password', label: 'Password' };
    case 'passphrase':
      return { title: 'Passphrase of the key file', label: 'Passphrase' };
    case 'prompt':
      return { title: 'The host asks', label: visibleString(question.prompt.trim()) || 'Answer' };
  }
}

function Purpose({ question }: { readonly question: TypedQuestion }) {
  switch (question.kind) {
    case 'password':
      return (
        <>
          {' '}
          as <Code text={`${question.user}@${question.address}`} />. It is used for this session and never written down.
        </>
      );
    case 'passphrase':
      return (
        <>
          {' '}
          with <Code text={question.keyPath} />. It is used for this session and never written down.
        </>
      );
    case 'prompt':
      return (
        <>
          , <Code text={question.address} /> wants to know this. The answer goes there and is never written down.
        </>
      );
  }
}

function Code({ text }: { readonly text: string }) {
  return (
    <code>
      <HostText text={text} />
    </code>
  );
}
