import { memo, type ReactNode, type Ref } from 'react';
import { Button as AriaButton, Tooltip, TooltipTrigger, type PressEvent } from 'react-aria-components';
import { classes } from './classes.ts';
import styles from './Button.module.css';

const css = classes(styles);

interface ButtonProps {
  readonly children: ReactNode;
  /** Before the children. */
  readonly icon?: ReactNode;
  /** Of an element around the children. */
  readonly captionClassName?: string | undefined;
  readonly tone?: 'normal' | 'primary' | 'danger' | 'quiet';
  /** `inline`: stands in a line of text. */
  readonly size?: 'normal' | 'small' | 'inline';
  /** Only an icon: `label` is then its name, shown as a tooltip. */
  readonly iconOnly?: boolean;
  readonly label?: string | undefined;
  /** Why it cannot be pressed now. It stays reachable by keyboard, and says the reason. */
  readonly disabledReason?: string | null | undefined;
  readonly tooltip?: string | undefined;
  readonly type?: 'button' | 'submit';
  readonly autoFocus?: boolean;
  readonly onPress?: (event: PressEvent) => void;
  readonly slot?: string;
  readonly ref?: Ref<HTMLButtonElement>;
  readonly expanded?: boolean;
}

/**
 * A button. One that cannot be pressed is not silent about it: it can be focused, and its reason read. It is many components
 * of React Aria's, so it is drawn again only for what is new about it.
 */
export const Button = memo(function Button({
  children,
  icon,
  captionClassName,
  tone = 'normal',
  size = 'normal',
  iconOnly = false,
  label,
  disabledReason = null,
  tooltip,
  type = 'button',
  autoFocus = false,
  onPress,
  slot,
  ref,
  expanded,
}: ButtonProps) {
  const hint = disabledReason ?? tooltip ?? (iconOnly ? label : undefined);
  // With a hint or without, it is one and the same button in one place: one that was pressed and may not be pressed again
  // for now keeps the focus, and says why.
  return (
    <TooltipTrigger delay={500} closeDelay={50} isDisabled={hint === undefined}>
      <AriaButton
        {...(ref ? { ref } : {})}
        {...(slot === undefined ? {} : { slot })}
        {...(label === undefined
          ? {}
          : { 'aria-label': disabledReason === null ? label : `${label}. ${disabledReason}` })}
        {...(expanded === undefined ? {} : { 'aria-expanded': expanded })}
        type={type}
        autoFocus={autoFocus}
        className={css('button', tone, size, iconOnly && 'icon')}
        {...(disabledReason === null ? {} : { 'aria-disabled': 'true' as const })}
        onPress={(event) => {
          if (disabledReason === null) onPress?.(event);
        }}
      >
        {icon}
        {captionClassName === undefined ? children : <span className={captionClassName}>{children}</span>}
      </AriaButton>
      {hint !== undefined && (
        <Tooltip className={css('tooltip')} offset={6}>
          {hint}
        </Tooltip>
      )}
    </TooltipTrigger>
  );
});
