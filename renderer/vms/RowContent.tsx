import {
  ChevronDown,
  ChevronRight,
  CircleAlert,
  CornerDownRight,
  Eye,
  FlaskConical,
  Laptop,
  Layers,
  Server,
  TriangleAlert,
} from 'lucide-react';
import type { Problem } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { hostAddress, sessionAppearance } from '../appearance/session-words.ts';
import { withHostCollapsed } from '../store/reducers.ts';
import { update } from '../store/store.ts';
import styles from './Navigation.module.css';
import type { NavigationRow } from './navigation-rows.ts';
import { hostLine, shortHostLine } from './row-words.ts';
import { worstOf } from '../../shared/rules/findings/problems.ts';
import { vmAppearance } from '../appearance/vm-state.ts';

const css = classes(styles);

/** A row of the list of hosts and VMs. */
export function RowContent({ row }: { readonly row: NavigationRow }) {
  switch (row.kind) {
    case 'host':
      return <HostRow row={row} />;
    case 'vm':
      return <VmRow row={row} />;
    case 'snapshot':
      return (
        <div className={css('line', 'snapshotLine')}>
          <CornerDownRight size={12} aria-hidden className={css('quiet')} />
          <span className={css('name')}>
            <HostText text={row.snapshot.name} />
          </span>
        </div>
      );
  }
}

const hostIcons = { local: Laptop, demo: FlaskConical, ssh: Server, openssh: Server, unknown: Server } as const;

function HostRow({ row }: { readonly row: NavigationRow & { kind: 'host' } }) {
  const { host, session } = row.entry;
  const { icon: StateIcon, tone } = sessionAppearance(session);
  const Chevron = row.expanded ? ChevronDown : ChevronRight;
  const HostIcon = hostIcons[host.connection.transport];
  return (
    <div className={css('line', 'hostLine')} title={hostAddress(host)}>
      <span
        aria-hidden
        className={css('chevron')}
        onMouseDown={(event) => {
          if (row.expanded === null) return;
          event.stopPropagation();
          event.preventDefault();
          update((state) => withHostCollapsed(state, host.id, row.expanded === true));
        }}
      >
        {row.expanded !== null && <Chevron size={14} />}
      </span>
      <HostIcon size={16} aria-hidden className={css('quiet')} />
      <span className={css('hostText')}>
        <span className={css('name', 'hostName')}>
          <HostText text={host.name} />
          {host.readOnly && <Eye size={12} role="img" aria-label="read-only" className={css('readOnly')} />}
        </span>
        <span className={css('hostState', tone)}>
          <StateIcon size={12} aria-hidden className={css(session.state === 'connecting' && 'spinning')} />
          <span className={css('name')} title={hostLine(row)}>
            {shortHostLine(row)}
          </span>
        </span>
      </span>
      <ProblemMark problems={row.problems} />
    </div>
  );
}

/** States that most VMs are in: their shape says enough where there is little room for the name. */
const ordinary: ReadonlySet<string> = new Set(['running', 'shut off']);

/** Beside the name of what something is wrong with: the row's own name says it to a reader. */
function ProblemMark({ problems }: { readonly problems: readonly Problem[] }) {
  const worst = worstOf(problems);
  if (worst === null) return null;
  const Icon = worst === 'error' ? CircleAlert : TriangleAlert;
  return (
    <span
      className={css('problem', worst)}
      title={problems
        .slice(0, 8)
        .map(({ message }) => visibleString(message))
        .join('\n')}
    >
      <Icon size={13} aria-hidden />
    </span>
  );
}

function VmRow({ row }: { readonly row: NavigationRow & { kind: 'vm' } }) {
  const { vm } = row;
  const { word, shortWord, icon: Icon, tone } = vmAppearance(vm);
  const name = vm.name ?? vm.uuid;
  return (
    <div className={css('line', 'vmLine')} title={vm.readable ? undefined : visibleString(vm.reason)}>
      <Icon size={13} aria-hidden className={css('stateIcon', tone)} />
      <span className={css('name')} title={visibleString(name)}>
        <HostText text={name} />
      </span>
      <ProblemMark problems={row.problems} />
      <span className={css('word', ordinary.has(shortWord) && 'ordinary', tone === 'danger' && 'danger')} title={word}>
        {shortWord}
      </span>
      {vm.readable && (
        <span className={css('snapshots')} title={count(vm.snapshots.length, 'snapshot')}>
          {vm.snapshots.length > 0 && (
            <>
              <Layers size={11} aria-hidden />
              {vm.snapshots.length}
            </>
          )}
        </span>
      )}
    </div>
  );
}
