import { useMemo, useRef } from 'react';
import { Header, Menu, MenuItem, MenuSection, Popover, Separator, Text } from 'react-aria-components';
import type { Action, ActionId } from '../../shared/rules/snapshots/actions.ts';
import { classes } from '../design/classes.ts';
import menuStyles from '../design/Menu.module.css';
import styles from './ActionMenu.module.css';

const css = classes(styles);
const menuCss = classes(menuStyles);

const groups: Readonly<Record<Action['group'], string>> = {
  change: 'Snapshots',
  power: 'Power',
  storage: 'Layers on storage',
  copy: 'Copies',
  records: 'Records and reports',
};

export interface MenuAnchor {
  readonly element: HTMLElement;
  /** Where the pointer was; null for the keyboard or a button. */
  readonly point: { readonly x: number; readonly y: number } | null;
}

/**
 * All actions. What cannot be done is in the list and can be reached, with the reason below its name: an administrator
 * who looks for something shall find it, and why it is not to be had.
 */
export function ActionMenu({
  anchor,
  actions,
  label,
  onAction,
  onClose,
}: {
  readonly anchor: MenuAnchor | null;
  readonly actions: readonly Action[];
  readonly label: string;
  readonly onAction: (id: ActionId) => void;
  readonly onClose: () => void;
}) {
  const triggerRef = useMemo(() => ({ current: anchor?.element ?? null }), [anchor]);
  const pointRef = useRef<HTMLSpanElement>(null);
  return (
    <>
      {anchor?.point && (
        <span ref={pointRef} className={css('point')} style={{ left: anchor.point.x, top: anchor.point.y }} />
      )}
      <Popover
        aria-label={label}
        triggerRef={anchor?.point ? pointRef : triggerRef}
        isOpen={anchor !== null}
        onOpenChange={(isOpen) => {
          if (!isOpen) onClose();
        }}
        placement="bottom start"
        offset={anchor?.point ? 0 : 4}
        className={`${menuCss('popover')} ${css('wide')}`}
      >
        <Menu aria-label={label} className={menuCss('menu')} autoFocus="first" onClose={onClose}>
          {Object.entries(groups).map(([group, title], index) => (
            <MenuSection key={group} className={css('section')}>
              {index > 0 && <Separator className={css('separator')} />}
              <Header className={css('header')}>{title}</Header>
              {actions
                .filter((action) => action.group === group)
                .map((action) => (
                  <Item key={action.id} action={action} onAction={onAction} />
                ))}
            </MenuSection>
          ))}
        </Menu>
      </Popover>
    </>
  );
}

function Item({ action, onAction }: { readonly action: Action; readonly onAction: (id: ActionId) => void }) {
  const disabled = action.reason !== null;
  return (
    <MenuItem
      id={action.id}
      textValue={action.label}
      className={`${menuCss('item')} ${css('withReason', disabled && 'disabled', action.destructive && !disabled && 'destructive')}`}
      shouldCloseOnSelect={!disabled}
      render={(properties) =>
        'href' in properties ? (
          <a {...properties} />
        ) : (
          <div {...properties} {...(disabled ? { 'aria-disabled': true } : {})} />
        )
      }
      onAction={() => {
        if (!disabled) onAction(action.id);
      }}
    >
      <Text slot="label">{action.label}</Text>
      {action.reason !== null && (
        <Text slot="description" className={css('reason')}>
          {action.reason}
        </Text>
      )}
    </MenuItem>
  );
}
