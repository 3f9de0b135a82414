import { memo, useLayoutEffect, useState } from 'react';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { Skeleton } from '../design/Skeleton.tsx';
import { Splitter } from '../design/Splitter.tsx';
import { useMatches } from '../design/use-matches.ts';
import { Details } from '../details/Details.tsx';
import { HostPane } from '../hosts/HostPane.tsx';
import { OperationsPanel } from '../operations/OperationsPanel.tsx';
import { QuestionDialog } from '../questions/QuestionDialog.tsx';
import { findVm } from '../store/state.ts';
import { hasEnded } from '../../shared/rules/operations/operation-life.ts';
import { useStore } from '../store/store.ts';
import { VmPane } from '../tree/VmPane.tsx';
import { Navigation } from '../vms/Navigation.tsx';
import styles from './App.module.css';
import { Banners } from './Banners.tsx';
import { Dialogs } from './Dialogs.tsx';
import { usePaneSize, useShown } from './pane-sizes.ts';
import { StartPage } from './StartPage.tsx';
import { ToastRegion } from '../design/ToastRegion.tsx';
import { TopBar } from './TopBar.tsx';

const css = classes(styles);
const limits = {
  navigation: [200, 520],
  details: [260, 640],
  detailsHeight: [120, 900],
  operations: [120, 560],
} as const;

/** Whether the panes start with their full widths; afterwards they are as somebody left them. */
const wide = window.innerWidth >= 1280;

/** The window. */
export function App() {
  const hostIds = useStore((state) => state.hostIds);
  const hasOperations = useStore(
    (state) =>
      Object.keys(state.operations).length + Object.keys(state.batches).length + state.unreadableOperations.length > 0,
  );
  return (
    <div className={css('window')}>
      <TopBar />
      <Banners />
      {hostIds === null ? (
        <main className={css('single', 'loading')}>
          <Skeleton lines={6} label="Loading" />
        </main>
      ) : hostIds.length === 0 && !hasOperations ? (
        <main className={css('single')}>
          <StartPage />
        </main>
      ) : (
        <Panes />
      )}
      <Dialogs />
      <QuestionDialog />
      <ToastRegion />
    </div>
  );
}

function Panes() {
  const navigation = usePaneSize('navigation', wide ? 292 : 256, ...limits.navigation);
  const operationsPane = usePaneSize('operations', 240, ...limits.operations);
  const needsEyes = useStore(
    (state) =>
      Object.values(state.operations).some((operation) => !hasEnded(operation)) ||
      Object.values(state.batches).some((batch) => !hasEnded(batch)) ||
      state.unreadableOperations.some((operation) => operation.state === 'open'),
  );
  // It opens by itself when something starts; then it is closed by whoever has seen the outcome, and not by its end.
  const [operationsOpen, setOperationsOpen] = useState(needsEyes);
  const [neededEyes, setNeededEyes] = useState(needsEyes);
  if (needsEyes !== neededEyes) {
    setNeededEyes(needsEyes);
    if (needsEyes) setOperationsOpen(true);
  }
  useRoomBelowToasts(operationsOpen ? operationsPane.size : 0);
  return (
    <>
      <div className={css('panes')}>
        <div className={css('navigation')} style={{ width: navigation.size }}>
          <Navigation />
        </div>
        <Splitter
          label="Width of the list of hosts and VMs"
          orientation="vertical"
          size={navigation.size}
          least={limits.navigation[0]}
          most={limits.navigation[1]}
          grows="forward"
          onResize={navigation.setSize}
        />
        <Selected />
      </div>
      {operationsOpen && (
        <Splitter
          label="Height of the operations"
          orientation="horizontal"
          size={operationsPane.size}
          least={limits.operations[0]}
          most={limits.operations[1]}
          grows="backward"
          onResize={operationsPane.setSize}
        />
      )}
      <div className={css('operations')} style={operationsOpen ? { height: operationsPane.size } : {}}>
        <OperationsPanel
          open={operationsOpen}
          onToggle={() => {
            setOperationsOpen(!operationsOpen);
          }}
        />
      </div>
    </>
  );
}

/** Keeps messages above the operations that they tell of, whose height in pixels is `size`. */
function useRoomBelowToasts(size: number): void {
  useLayoutEffect(() => {
    document.documentElement.style.setProperty('--operations-height', `${size}px`);
    return () => {
      document.documentElement.style.removeProperty('--operations-height');
    };
  }, [size]);
}

/** Middle and right: what is selected. */
function Selected() {
  const hostId = useStore((state) => state.selection.hostId);
  const vmUuid = useStore((state) => state.selection.vmUuid);
  const entry = useStore((state) => (hostId === null ? undefined : state.hosts[hostId]));
  const vm = useStore((state) => findVm(state, hostId, vmUuid));
  const [detailsShown, setDetailsShown] = useShown('details', window.innerWidth >= 900);
  if (!entry || hostId === null) {
    return (
      <main className={css('middle', 'nothing')}>
        <p>Select a VM at the left to see its snapshots, or a host to connect to it.</p>
      </main>
    );
  }
  if (!vm) {
    return (
      <main className={css('middle')}>
        <SelectedHost entry={entry} />
      </main>
    );
  }
  return (
    <div className={css('selected')}>
      <main className={css('middle')}>
        <VmPane hostId={hostId} vm={vm} detailsShown={detailsShown} onShowDetails={setDetailsShown} />
      </main>
      {detailsShown && vm.readable && (
        <DetailsPane hostId={hostId} vm={vm} isStale={entry.session.state !== 'connected'} />
      )}
    </div>
  );
}

function SelectedHost({ entry }: { readonly entry: HostWithSession }) {
  const inventory = useStore((state) => state.inventories[entry.host.id] ?? null);
  return <HostPane entry={entry} inventory={inventory} />;
}

const DetailsPane = memo(function DetailsPane({
  hostId,
  vm,
  isStale,
}: {
  readonly hostId: string;
  readonly vm: ReadableVm;
  readonly isStale: boolean;
}) {
  const below = useMatches('(max-width: 900px)');
  const width = usePaneSize('details', wide ? 392 : 268, ...limits.details);
  const height = usePaneSize('details-height', Math.round(window.innerHeight * 0.36), ...limits.detailsHeight);
  const { size, setSize } = below ? height : width;
  const [least, most] = below ? limits.detailsHeight : limits.details;
  return (
    <>
      <Splitter
        label={below ? 'Height of the details' : 'Width of the details'}
        orientation={below ? 'horizontal' : 'vertical'}
        size={size}
        least={least}
        most={most}
        grows="backward"
        onResize={setSize}
      />
      <div className={css('details', isStale && 'stale')} style={below ? { height: size } : { width: size }}>
        <Details hostId={hostId} vm={vm} />
      </div>
    </>
  );
});
