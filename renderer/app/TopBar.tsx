import { ClipboardList, Info, Layers, Monitor, Moon, RefreshCw, Sun } from 'lucide-react';
import { useState } from 'react';
import { ToggleButton, ToggleButtonGroup, Tooltip, TooltipTrigger } from 'react-aria-components';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { formatAge } from '../design/format.ts';
import { useNow } from '../design/use-now.ts';
import { useClient } from '../ipc/client-context.ts';
import { showDialog, useStore } from '../store/store.ts';
import { refreshAll } from '../feed/feed.ts';
import { remembered, themes, type Theme } from '../store/remembered.ts';
import { applyTheme } from './theme.ts';
import styles from './TopBar.module.css';

const css = classes(styles);

const themeAppearance = {
  system: { icon: Monitor, label: 'Colours as the system' },
  light: { icon: Sun, label: 'Light colours' },
  dark: { icon: Moon, label: 'Dark colours' },
} as const;

/** Name, freshness of what is shown, and the theme. */
export function TopBar() {
  const client = useClient();
  const connected = useStore(
    (state) => Object.values(state.hosts).filter((entry) => entry.session.state === 'connected').length,
  );
  const anyHost = useStore((state) => (state.hostIds ?? []).length > 0);
  const reading = useStore((state) => Object.values(state.inventories).some((inventory) => inventory.reading));
  return (
    <header className={css('bar')}>
      <h1 className={css('name')}>
        <svg width="18" height="18" viewBox="0 0 32 32" aria-hidden className={css('mark')}>
          <path d="M11 7v18M11 11c0 6 10 3 10 9" />
          <circle cx="11" cy="7" r="4" />
          <circle cx="11" cy="25" r="4" />
          <circle cx="21" cy="22" r="4" className={css('ring')} />
        </svg>
        Snaptree
      </h1>
      <div className={css('right')}>
        {connected > 0 && <Freshness reading={reading} />}
        <Button
          size="small"
          tone="quiet"
          label="Refresh"
          disabledReason={connected > 0 ? null : 'No host is connected.'}
          tooltip="Read all connected hosts again"
          onPress={() => {
            refreshAll(client);
          }}
        >
          <RefreshCw size={14} aria-hidden className={css(reading && 'spinning')} />
          Refresh
        </Button>
        <Button
          size="small"
          tone="quiet"
          disabledReason={connected > 0 ? null : 'No host is connected.'}
          label="Batch…"
          tooltip="Delete, create or merge the snapshots of many VMs as one plan"
          onPress={() => {
            showDialog({ kind: 'batch' });
          }}
        >
          <Layers size={14} aria-hidden />
          Batch…
        </Button>
        <Button
          size="small"
          tone="quiet"
          disabledReason={anyHost ? null : 'There is no host yet.'}
          label="Report…"
          tooltip="A report over hosts: every snapshot, its age, size and risk"
          onPress={() => {
            showDialog({ kind: 'report' });
          }}
        >
          <ClipboardList size={14} aria-hidden />
          Report…
        </Button>
        <Button
          size="small"
          tone="quiet"
          iconOnly
          label="About Snaptree"
          tooltip="Version, data folder, licences"
          onPress={() => {
            showDialog({ kind: 'about' });
          }}
        >
          <Info size={14} aria-hidden />
        </Button>
        <ThemeSwitch />
      </div>
    </header>
  );
}

/** How old the oldest reading of a connected host is. */
function Freshness({ reading }: { readonly reading: boolean }) {
  const now = useNow(10_000);
  const oldest = useStore((state) => {
    const times = Object.values(state.hosts).flatMap(({ host, session }) => {
      const readAt = state.inventories[host.id]?.inventory?.readAt;
      return session.state === 'connected' && readAt !== undefined ? [readAt] : [];
    });
    return times.length === 0 ? null : Math.min(...times);
  });
  return (
    <span className={css('quiet')}>
      {reading ? 'Reading…' : oldest === null ? '' : `Read ${formatAge(oldest, now)}`}
    </span>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(() => remembered().theme);
  return (
    <ToggleButtonGroup
      aria-label="Colours"
      className={css('themes')}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[theme]}
      onSelectionChange={(keys) => {
        const chosen = themes.find((candidate) => keys.has(candidate));
        if (!chosen) return;
        applyTheme(chosen);
        setTheme(chosen);
      }}
    >
      {themes.map((candidate) => {
        const { icon: Icon, label } = themeAppearance[candidate];
        return (
          <TooltipTrigger key={candidate} delay={500}>
            <ToggleButton id={candidate} aria-label={label} className={css('theme')}>
              <Icon size={14} aria-hidden />
            </ToggleButton>
            <Tooltip className={css('tooltip')} offset={6}>
              {label}
            </Tooltip>
          </TooltipTrigger>
        );
      })}
    </ToggleButtonGroup>
  );
}
