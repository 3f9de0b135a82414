import { X } from 'lucide-react';
import { useEffect, useRef, type ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Button } from './Button.tsx';
import { classes } from './classes.ts';
import styles from './Dialog.module.css';

const css = classes(styles);

interface DialogProps {
  readonly title: ReactNode;
  readonly width?: 'narrow' | 'normal' | 'wide';
  /** Needs an answer: Escape gives the safe one, and it is announced at once. */
  readonly alert?: boolean;
  readonly children: ReactNode;
  readonly footer: ReactNode;
  readonly onClose: () => void;
}

/** A modal dialog: title, a body that scrolls, and the buttons that end it. */
export function Dialog({ title, width = 'normal', alert = false, children, footer, onClose }: DialogProps) {
  const dialog = useRef<HTMLElement>(null);
  useCloseUnderTooltip(dialog, onClose);
  return (
    <ModalOverlay
      isOpen
      className={css('overlay')}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Modal className={css('modal', width)}>
        <AriaDialog ref={dialog} role={alert ? 'alertdialog' : 'dialog'} className={css('dialog')}>
          <header className={css('header')}>
            <Heading slot="title" className={css('title')}>
              {title}
            </Heading>
          </header>
          <div className={css('body')}>{children}</div>
          <footer className={css('footer')}>{footer}</footer>
          {/* Last, so that the focus, where it has to go somewhere, goes to a field and not to what throws it all away. */}
          {!alert && (
            <div className={css('close')}>
              <Button tone="quiet" size="small" iconOnly label="Close" onPress={onClose}>
                <X size={16} aria-hidden />
              </Button>
            </div>
          )}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/**
 * A tooltip that is open takes the first Escape for itself (React Aria stops it there), and one opens wherever the keyboard
 * goes: to close a dialog would take two presses. So the press closes both. On `window`, before React Aria hears of it.
 */
function useCloseUnderTooltip(dialog: React.RefObject<HTMLElement | null>, onClose: () => void): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const hasFocus = dialog.current?.contains(document.activeElement) ?? false;
      if (event.key === 'Escape' && hasFocus && document.querySelector('[role=tooltip]')) onClose();
    };
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => {
      window.removeEventListener('keydown', onKeyDown, { capture: true });
    };
  }, [dialog, onClose]);
}
