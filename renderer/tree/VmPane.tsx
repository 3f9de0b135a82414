import { Camera, Ellipsis, ListTree, PanelRight, Trash2, Undo2 } from 'lucide-react';
import { useRef, useState } from 'react';
import type { Vm } from '../../shared/model/inventory.ts';
import { actionsFor, type Action, type ActionId } from '../../shared/rules/actions.ts';
import { subtreeIds } from '../../shared/rules/snapshot-forest.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { ProblemList } from '../design/ProblemList.tsx';
import { visibleString } from '../../shared/rules/visible-text.ts';
import { withSelection, withSnapshotCollapsed } from '../store/reducers.ts';
import { findSnapshot, operationRunsOn, vmKey } from '../store/state.ts';
import { showDialog, update, useStore } from '../store/store.ts';
import { StaleBanner } from '../hosts/StaleBanner.tsx';
import { problemsOf } from '../appearance/vm-problems.ts';
import { VmStateLabel } from '../appearance/VmStateLabel.tsx';
import { ActionMenu, type MenuAnchor } from './ActionMenu.tsx';
import { SnapshotTree } from './SnapshotTree.tsx';
import styles from './VmPane.module.css';

const css = classes(styles);
const nothingCollapsed: ReadonlySet<string> = new Set();

/** The middle of the window for a VM: what it is, what can be done, and its snapshot tree. */
export function VmPane({
  hostId,
  vm,
  detailsShown,
  onShowDetails,
}: {
  readonly hostId: string;
  readonly vm: Vm;
  readonly detailsShown: boolean;
  readonly onShowDetails: (shown: boolean) => void;
}) {
  const session = useStore((state) => state.hosts[hostId]?.session.state ?? 'disconnected');
  const snapshotId = useStore((state) => state.selection.snapshotId);
  const collapsed = useStore((state) => state.collapsedSnapshots[vmKey(hostId, vm.uuid)] ?? nothingCollapsed);
  const readOnly = useStore((state) => state.hosts[hostId]?.host.readOnly ?? false);
  const operationRuns = useStore((state) => operationRunsOn(state, hostId, vm.uuid));
  const search = useStore((state) => state.search.trim().toLocaleLowerCase());
  const shellConnected = useStore((state) => state.shellConnected !== false);
  const problems = useStore((state) => problemsOf(state.inventories[hostId]?.inventory ?? null, vm));
  const [menu, setMenu] = useState<MenuAnchor | null>(null);
  const more = useRef<HTMLButtonElement>(null);

  const snapshot = findSnapshot(vm, snapshotId);
  const hasDescendants = vm.readable && snapshot !== null && subtreeIds(snapshot.id, vm.snapshots).length > 1;
  const actions = actionsFor({ shellConnected, session, vm, snapshot, hasDescendants, readOnly, operationRuns });

  const act = (id: ActionId) => {
    setMenu(null);
    const request = { vmUuid: vm.uuid, snapshotId: snapshot?.id ?? '' };
    if (id === 'createSnapshot') showDialog({ kind: 'createSnapshot', hostId, vmUuid: vm.uuid });
    if (id === 'report') showDialog({ kind: 'report' });
    if (id === 'revertToSnapshot') showDialog({ kind: 'plan', hostId, request: { action: id, ...request } });
    if (id === 'deleteSnapshot' || id === 'deleteWithDescendants') {
      const withDescendants = id === 'deleteWithDescendants';
      showDialog({ kind: 'plan', hostId, request: { action: 'deleteSnapshot', ...request, withDescendants } });
    }
  };
  const actIfPossible = (id: ActionId) => {
    if (actions.some((action) => action.id === id && action.reason === null)) act(id);
  };
  const name = vm.name ?? vm.uuid;
  const selectedName = snapshot ? visibleString(snapshot.name) : 'you are here';

  return (
    <section className={css('pane')} aria-label={`VM ${visibleString(name)}`}>
      <header className={css('header', session !== 'connected' && 'stale')}>
        <h2 className={css('title')} title={visibleString(name)}>
          <HostText text={name} />
        </h2>
        <VmStateLabel vm={vm} />
        {vm.readable && (
          <>
            <span className={css('count')}>{count(vm.snapshots.length, 'snapshot')}</span>
            <span className={css('headerEnd')}>
              <Button
                iconOnly
                size="small"
                tone="quiet"
                label={detailsShown ? 'Hide details' : 'Show details'}
                expanded={detailsShown}
                onPress={() => {
                  onShowDetails(!detailsShown);
                }}
              >
                <PanelRight size={16} aria-hidden />
              </Button>
            </span>
          </>
        )}
      </header>
      <div role="toolbar" aria-label="Snapshot actions" className={css('toolbar')}>
        <ToolbarAction actions={actions} id="createSnapshot" icon={<Camera size={15} aria-hidden />} onAction={act} />
        <ToolbarAction actions={actions} id="revertToSnapshot" icon={<Undo2 size={15} aria-hidden />} onAction={act} />
        <ToolbarAction actions={actions} id="deleteSnapshot" icon={<Trash2 size={15} aria-hidden />} onAction={act} />
        <ToolbarAction
          actions={actions}
          id="deleteWithDescendants"
          icon={<ListTree size={15} aria-hidden />}
          onAction={act}
        />
        <Button
          ref={more}
          tone="quiet"
          label="More actions"
          iconOnly
          expanded={menu !== null}
          onPress={() => {
            if (more.current) setMenu({ element: more.current, point: null });
          }}
        >
          <Ellipsis size={16} aria-hidden />
        </Button>
      </div>
      <StaleBanner hostId={hostId} connects />
      {problems.length > 0 && (
        <div className={css('problems')}>
          <ProblemList key={vm.uuid} problems={problems} />
        </div>
      )}
      <div className={css('tree', session !== 'connected' && 'stale')}>
        {vm.readable && vm.snapshots.length === 0 && (
          <p className={css('empty')}>No snapshots yet. Create one before a change, to be able to come back to now.</p>
        )}
        {vm.readable ? (
          <SnapshotTree
            key={vmKey(hostId, vm.uuid)}
            vm={vm}
            stale={session !== 'connected'}
            collapsed={collapsed}
            selectedId={snapshot?.id ?? null}
            search={search}
            onSelect={(id) => {
              update((state) => withSelection(state, { hostId, vmUuid: vm.uuid, snapshotId: id }));
            }}
            onToggle={(rowKey, expanded) => {
              update((state) => withSnapshotCollapsed(state, hostId, vm.uuid, rowKey, !expanded));
            }}
            onMenu={(element, point) => {
              setMenu({ element, point });
            }}
            onDelete={() => {
              actIfPossible('deleteSnapshot');
            }}
          />
        ) : (
          <div className={css('unreadable')}>
            <Callout tone="danger" title="This VM could not be read">
              <p>
                <HostText text={vm.reason} lines />
              </p>
              <p>It is there, and the other VMs of the host are not affected. Put the cause right and refresh.</p>
            </Callout>
          </div>
        )}
      </div>
      <ActionMenu
        anchor={menu}
        actions={actions}
        label={`Actions for ${selectedName}`}
        onAction={act}
        onClose={() => {
          setMenu(null);
        }}
      />
    </section>
  );
}

function ToolbarAction({
  actions,
  id,
  icon,
  onAction,
}: {
  readonly actions: readonly Action[];
  readonly id: ActionId;
  readonly icon: React.ReactNode;
  readonly onAction: (id: ActionId) => void;
}) {
  const action = actions.find((candidate) => candidate.id === id);
  if (!action) return null;
  return (
    <Button
      label={action.label}
      // In a narrow pane the label is not drawn.
      tooltip={action.label}
      disabledReason={action.reason}
      tone={id === 'createSnapshot' ? 'primary' : 'normal'}
      onPress={() => {
        onAction(id);
      }}
    >
      {icon}
      <span className={css('actionLabel')}>{action.label}</span>
    </Button>
  );
}
