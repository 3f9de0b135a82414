import { CircleCheck, CircleX, Info, TriangleAlert, X } from 'lucide-react';
import {
  Text,
  UNSTABLE_Toast as Toast,
  UNSTABLE_ToastContent as ToastBody,
  UNSTABLE_ToastRegion as AriaToastRegion,
} from 'react-aria-components';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './ToastRegion.module.css';
import { toasts } from './toasts.ts';

const css = classes(styles);
const icons = { success: CircleCheck, danger: CircleX, warning: TriangleAlert, neutral: Info };

/** The corner where ends of operations and failures are told. */
export function ToastRegion() {
  return (
    <AriaToastRegion queue={toasts} className={css('region')} aria-label="Messages">
      {({ toast }) => {
        const { tone, title, detail } = toast.content;
        const Icon = icons[tone];
        return (
          <Toast toast={toast} className={css('toast')}>
            <Icon size={17} aria-hidden className={css('icon', tone)} />
            <ToastBody className={css('body')}>
              <Text slot="title" className={css('title')}>
                <HostText text={title} />
              </Text>
              {detail !== null && (
                <Text slot="description" className={css('detail')}>
                  <HostText text={detail} lines />
                </Text>
              )}
            </ToastBody>
            <Button slot="close" size="small" tone="quiet" iconOnly label="Close message">
              <X size={14} aria-hidden />
            </Button>
          </Toast>
        );
      }}
    </AriaToastRegion>
  );
}
