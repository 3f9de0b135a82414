import type { ReactNode } from 'react';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { PlanDialog } from './PlanDialog.tsx';
import styles from './PlanForm.module.css';

const css = classes(styles);

/** A form that asks what is to be planned, and then the plan. Back from there what was entered is as it was. */
export function PlanForm({
  hostId,
  title,
  width = 'normal',
  outlook,
  request,
  onSubmit,
  onBack,
  onClose,
  children,
}: {
  readonly hostId: string;
  readonly title: ReactNode;
  readonly width?: 'normal' | 'wide';
  /** What will be planned, beside the buttons. */
  readonly outlook?: ReactNode;
  /** Null as long as the form is filled in. */
  readonly request: ChangeRequest | null;
  readonly onSubmit: () => void;
  readonly onBack: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  if (request) return <PlanDialog hostId={hostId} request={request} onBack={onBack} onClose={onClose} />;
  return (
    <Dialog
      title={title}
      width={width}
      onClose={onClose}
      footer={
        <>
          {outlook}
          <Button onPress={onClose}>Cancel</Button>
          <Button tone="primary" onPress={onSubmit}>
            Review plan…
          </Button>
        </>
      }
    >
      <form
        className={css('form')}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {children}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
