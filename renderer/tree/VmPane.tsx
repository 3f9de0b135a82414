import { Camera, Ellipsis, ListTree, PanelRight, Trash2, Undo2 } from 'lucide-react';
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Toolbar } from 'react-aria-components';
import type { ReadableVm, Vm } from '../../shared/model/inventory.ts';
import type { Action, ActionId } from '../../shared/rules/snapshots/actions.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { ProblemList } from '../design/ProblemList.tsx';
import { areSameProps } from '../design/same-props.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { withSelection, withSnapshotCollapsed } from '../store/reducers.ts';
import { findSnapshot, selectedOf, vmKey } from '../store/state.ts';
import { update, useStore } from '../store/store.ts';
import { StaleBanner } from '../hosts/StaleBanner.tsx';
import { worstOf } from '../../shared/rules/findings/problems.ts';
import { problemsOf } from '../appearance/vm-problems.ts';
import { VmStateLabel } from '../appearance/VmStateLabel.tsx';
import { ActionMenu, type MenuAnchor } from './ActionMenu.tsx';
import { rowHeight, SnapshotTree } from './SnapshotTree.tsx';
import { useRestorePoints } from '../store/use-restore-points.ts';
import { useReasonAgainst, useVmActions } from '../store/use-vm-actions.ts';
import styles from './VmPane.module.css';

const css = classes(styles);
const nothingCollapsed: ReadonlySet<string> = new Set();

interface VmPaneProps {
  readonly hostId: string;
  readonly vm: Vm;
  readonly detailsShown: boolean;
  readonly onShowDetails: (shown: boolean) => void;
}

/** The middle of the window for a VM: what it is, what can be done, and its snapshot tree. */
export const VmPane = memo(function VmPane({ hostId, vm, detailsShown, onShowDetails }: VmPaneProps) {
  const isStale = useStore((state) => state.hosts[hostId]?.session.state !== 'connected');
  const name = vm.name ?? vm.uuid;
  return (
    <section className={css('pane')} aria-label={`VM ${visibleString(name)}`}>
      <header className={css('header', isStale && 'stale')}>
        <h2 className={css('title')} title={visibleString(name)}>
          <HostText text={name} />
        </h2>
        <VmStateLabel vm={vm} />
        {vm.readable && (
          <>
            <span className={css('count')}>{count(vm.snapshots.length, 'snapshot')}</span>
            <span className={css('headerEnd')}>
              <DetailsToggle shown={detailsShown} onShow={onShowDetails} />
            </span>
          </>
        )}
      </header>
      <VmBody hostId={hostId} vm={vm} isStale={isStale} />
    </section>
  );
});

const DetailsToggle = memo(function DetailsToggle({
  shown,
  onShow,
}: {
  readonly shown: boolean;
  readonly onShow: (shown: boolean) => void;
}) {
  return (
    <Button
      iconOnly
      size="small"
      tone="quiet"
      label={shown ? 'Hide details' : 'Show details'}
      expanded={shown}
      onPress={() => {
        onShow(!shown);
      }}
    >
      <PanelRight size={16} aria-hidden />
    </Button>
  );
});

function VmBody({ hostId, vm, isStale }: { readonly hostId: string; readonly vm: Vm; readonly isStale: boolean }) {
  const collapsed = useStore((state) => state.collapsedSnapshots[vmKey(hostId, vm.uuid)] ?? nothingCollapsed);
  const search = useStore((state) => state.search.trim().toLocaleLowerCase());
  const [menu, setMenu] = useState<MenuAnchor | null>(null);
  const onSelect = useCallback(
    (snapshotId: string | null, others: readonly (string | null)[], pointKey?: string) => {
      const more = { ...(others.length > 0 && { others }), ...(pointKey !== undefined && { pointKey }) };
      update((state) => withSelection(state, { hostId, vmUuid: vm.uuid, snapshotId, ...more }));
    },
    [hostId, vm.uuid],
  );
  const onToggle = useCallback(
    (rowKey: string, expanded: boolean) => {
      update((state) => withSnapshotCollapsed(state, hostId, vm.uuid, rowKey, !expanded));
    },
    [hostId, vm.uuid],
  );
  const openMenu = useCallback((element: HTMLElement, point: MenuAnchor['point']) => {
    setMenu({ element, point });
  }, []);
  const closeMenu = useCallback(() => {
    setMenu(null);
  }, []);
  const remove = useRef<() => void>(() => undefined);
  const onDelete = useCallback(() => {
    remove.current();
  }, []);
  return (
    <>
      <SnapshotActions
        hostId={hostId}
        vm={vm}
        menu={menu}
        onMenu={openMenu}
        onMenuClose={closeMenu}
        removeRef={remove}
      />
      <StaleBanner hostId={hostId} connects />
      <VmProblems hostId={hostId} vm={vm} />
      <div className={css('tree', isStale && 'stale')}>
        {vm.readable && vm.snapshots.length === 0 && <NoSnapshots hostId={hostId} vm={vm} />}
        {vm.readable ? (
          <SnapshotTree
            key={vmKey(hostId, vm.uuid)}
            hostId={hostId}
            vm={vm}
            stale={isStale}
            collapsed={collapsed}
            search={search}
            onSelect={onSelect}
            onToggle={onToggle}
            onMenu={openMenu}
            onDelete={onDelete}
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
    </>
  );
}

/** What to do now, or why it cannot be done. */
function NoSnapshots({ hostId, vm }: { readonly hostId: string; readonly vm: ReadableVm }) {
  const points = useRestorePoints(hostId, vm).length;
  const reason = useReasonAgainst('createSnapshot', hostId, vm);
  const isBroken = useStore(
    (state) => worstOf(problemsOf(state.inventories[hostId]?.inventory ?? null, vm)) === 'error',
  );
  return (
    <p className={css('empty')} style={{ marginTop: points * rowHeight }}>
      {reason !== null
        ? `No snapshots yet, and none can be created now. ${reason}`
        : isBroken
          ? 'No snapshots yet. Mend what is wrong first: a snapshot of it would not help.'
          : 'No snapshots yet. Create one before a change, to be able to come back to now.'}
    </p>
  );
}

/** What can be done with what is selected: the toolbar, and where it is open, the menu. */
function SnapshotActions({
  hostId,
  vm,
  menu,
  onMenu,
  onMenuClose,
  removeRef,
}: {
  readonly hostId: string;
  readonly vm: Vm;
  readonly menu: MenuAnchor | null;
  readonly onMenu: (element: HTMLElement, point: null) => void;
  readonly onMenuClose: () => void;
  /** Set to what deletes the selected snapshot, where that can be done. */
  readonly removeRef: React.RefObject<() => void>;
}) {
  const snapshot = useStore((state) => findSnapshot(vm, state.selection.snapshotId));
  const { actions, act, actIfPossible } = useVmActions(hostId, vm, snapshot);
  const several = useStore((state) => selectedOf(vm, state.selection).size);
  useLayoutEffect(() => {
    removeRef.current = () => {
      actIfPossible('deleteSnapshot');
    };
  }, [removeRef, actIfPossible]);
  const onAction = useCallback(
    (id: ActionId) => {
      onMenuClose();
      act(id);
    },
    [act, onMenuClose],
  );
  return (
    <>
      <ActionToolbar
        actions={actions}
        several={several}
        menuIsOpen={menu !== null}
        onAction={onAction}
        onMenu={onMenu}
      />
      {menu && (
        <ActionMenu
          anchor={menu}
          actions={actions}
          label={`Actions for ${several > 1 ? `${several} selected` : snapshot ? visibleString(snapshot.name) : 'you are here'}`}
          onAction={onAction}
          onClose={onMenuClose}
        />
      )}
    </>
  );
}

/** Drawn again only where something else can be done, or for another reason not. */
const ActionToolbar = memo(function ActionToolbar({
  actions,
  several,
  menuIsOpen,
  onAction,
  onMenu,
}: {
  readonly actions: readonly Action[];
  readonly several: number;
  readonly menuIsOpen: boolean;
  readonly onAction: (id: ActionId) => void;
  readonly onMenu: (element: HTMLElement, point: null) => void;
}) {
  // Each the same as long as it does the same: a button is drawn again only for what is new about it.
  const pressed = useMemo(() => {
    const press = (id: ActionId) => () => {
      onAction(id);
    };
    return {
      createSnapshot: press('createSnapshot'),
      revertToSnapshot: press('revertToSnapshot'),
      deleteSnapshot: press('deleteSnapshot'),
      deleteWithDescendants: press('deleteWithDescendants'),
    };
  }, [onAction]);
  return (
    <Toolbar aria-label="Snapshot actions" className={css('toolbar')}>
      {toolbarIcons.map(([id, icon]) => {
        const action = actions.find((candidate) => candidate.id === id);
        return (
          action && (
            <Button
              key={id}
              label={action.label}
              // In a narrow pane the label is not drawn.
              tooltip={action.label}
              disabledReason={action.reason}
              tone={id === 'createSnapshot' ? 'primary' : 'normal'}
              icon={icon}
              captionClassName={css('actionLabel', id)}
              onPress={pressed[id]}
            >
              {action.label}
            </Button>
          )
        );
      })}
      <MoreActions menuIsOpen={menuIsOpen} onMenu={onMenu} />
      <span className={css('several')} role="status">
        {several > 1 && `${several} selected`}
      </span>
    </Toolbar>
  );
}, areSameProps);

const VmProblems = memo(function VmProblems({ hostId, vm }: { readonly hostId: string; readonly vm: Vm }) {
  const problems = useStore((state) => problemsOf(state.inventories[hostId]?.inventory ?? null, vm));
  if (problems.length === 0) return null;
  return (
    <div className={css('problems')}>
      <ProblemList key={vm.uuid} problems={problems} />
    </div>
  );
});

const toolbarIcons = [
  ['createSnapshot', <Camera size={15} aria-hidden />],
  ['revertToSnapshot', <Undo2 size={15} aria-hidden />],
  ['deleteSnapshot', <Trash2 size={15} aria-hidden />],
  ['deleteWithDescendants', <ListTree size={15} aria-hidden />],
] as const;

const MoreActions = memo(function MoreActions({
  menuIsOpen,
  onMenu,
}: {
  readonly menuIsOpen: boolean;
  readonly onMenu: (element: HTMLElement, point: null) => void;
}) {
  const more = useRef<HTMLButtonElement>(null);
  return (
    <Button
      ref={more}
      tone="quiet"
      label="More actions"
      iconOnly
      expanded={menuIsOpen}
      onPress={() => {
        if (more.current) onMenu(more.current, null);
      }}
    >
      <Ellipsis size={16} aria-hidden />
    </Button>
  );
});
