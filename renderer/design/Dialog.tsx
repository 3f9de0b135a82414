import { X } from 'lucide-react';
import type { ReactNode } from 'react';
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
  return (
    <ModalOverlay
      isOpen
      className={css('overlay')}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Modal className={css('modal', width)}>
        <AriaDialog role={alert ? 'alertdialog' : 'dialog'} className={css('dialog')}>
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
