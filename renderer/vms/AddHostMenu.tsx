import { FlaskConical, Import, Plus, type LucideIcon } from 'lucide-react';
import { Menu, MenuItem, MenuTrigger, Popover, Text } from 'react-aria-components';
import { addDemoHosts } from '../feed/demo.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { useClient } from '../ipc/client-context.ts';
import { showDialog } from '../store/store.ts';
import styles from '../design/Menu.module.css';

const css = classes(styles);

/** Behind the plus: the ways in which hosts come into the list. */
export function AddHostMenu() {
  const client = useClient();
  return (
    <MenuTrigger>
      <Button iconOnly label="Add hosts">
        <Plus size={16} aria-hidden />
      </Button>
      <Popover className={css('popover')} placement="bottom end" offset={4}>
        <Menu className={css('menu')} aria-label="Add hosts">
          <Item
            icon={Plus}
            label="Add a host…"
            onAction={() => {
              showDialog({ kind: 'addHost' });
            }}
          />
          <Item
            icon={Import}
            label="Import hosts…"
            onAction={() => {
              showDialog({ kind: 'importHosts' });
            }}
          />
          <Item
            icon={FlaskConical}
            label="Add the demo fleet"
            onAction={() => {
              addDemoHosts(client);
            }}
          />
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function Item({
  icon: Icon,
  label,
  onAction,
}: {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly onAction: () => void;
}) {
  return (
    <MenuItem className={css('item')} textValue={label} onAction={onAction}>
      <Icon size={14} aria-hidden />
      <Text slot="label">{label}</Text>
    </MenuItem>
  );
}
