import { CircleAlert, Eye, Pencil, RefreshCw, Trash2, TriangleAlert } from 'lucide-react';
import { Toolbar } from 'react-aria-components';
import type { InventoryState } from '../../shared/contract.ts';
import type { Vm } from '../../shared/model/inventory.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import { refreshHost } from '../feed/feed.ts';
import { Button } from '../design/Button.tsx';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { count, formatAge, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { ProblemList } from '../design/ProblemList.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import { Skeleton } from '../design/Skeleton.tsx';
import { useNow } from '../design/use-now.ts';
import { hypervisorWords } from '../../shared/rules/inventory/hypervisors.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { useClient } from '../ipc/client-context.ts';
import { withSelection } from '../store/reducers.ts';
import { showDialog, update } from '../store/store.ts';
import { fullStorage } from '../appearance/host-problems.ts';
import { problemsOf } from '../appearance/vm-problems.ts';
import { ConnectButton } from './ConnectButton.tsx';
import styles from './HostPane.module.css';
import { HostStorage } from './HostStorage.tsx';
import { HostTemplates } from './HostTemplates.tsx';
import { Capabilities } from './Capabilities.tsx';
import { hostAddress, sessionAppearance } from '../appearance/session-words.ts';
import { UnknownDependentsList } from './UnknownDependentsList.tsx';
import { StaleBanner } from './StaleBanner.tsx';

const css = classes(styles);
const troubledShownAtOnce = 5;

/** The middle of the window for a host: its session, what it is, its storage, and what could not be read. */
export function HostPane({
  entry,
  inventory,
}: {
  readonly entry: HostWithSession;
  readonly inventory: InventoryState | null;
}) {
  const client = useClient();
  const { host, session } = entry;
  const { word, icon: Icon, tone } = sessionAppearance(session);
  const hostId = host.id;
  const hypervisor = hypervisorWords(host.hypervisor);
  const read = inventory?.inventory ?? null;
  return (
    <section className={css('pane')} aria-label={`Host ${host.name}`}>
      <header className={css('header')}>
        <h2 className={css('title')} title={visibleString(host.name)}>
          <HostText text={host.name} />
        </h2>
        <Chip tone={tone} icon={<Icon size={11} aria-hidden />}>
          {word}
        </Chip>
        {host.readOnly && <Chip icon={<Eye size={11} aria-hidden />}>Read-only</Chip>}
      </header>
      <Toolbar aria-label="Host actions" className={css('toolbar')}>
        <ConnectButton hostId={hostId} primary />
        <Button
          disabledReason={session.state === 'connected' ? null : 'The host is not connected.'}
          label="Refresh"
          onPress={() => {
            refreshHost(client, hostId);
          }}
        >
          <RefreshCw size={15} aria-hidden />
          Refresh
        </Button>
        <Button
          onPress={() => {
            showDialog({ kind: 'editHost', hostId });
          }}
        >
          <Pencil size={15} aria-hidden />
          Edit…
        </Button>
        <Button
          onPress={() => {
            showDialog({ kind: 'removeHost', hostId });
          }}
        >
          <Trash2 size={15} aria-hidden />
          Remove…
        </Button>
      </Toolbar>
      <div className={css('body')}>
        {session.state === 'failed' && <SessionFailure session={session} />}
        {session.state !== 'failed' && read && <StaleBanner hostId={hostId} connects={false} />}
        {session.state === 'connected' && !read && inventory?.error && <ErrorCallout error={inventory.error} />}
        <dl className={css('facts')}>
          <Fact name="Address">
            {hostAddress(host)} <CopyButton text={hostAddress(host)} what="address" />
          </Fact>
          <Fact name={hypervisor.title}>
            <code>
              <HostText text={hypervisor.value} />
            </code>
          </Fact>
          {host.sudo && <Fact name="Commands">run through sudo</Fact>}
          {read && <Reading inventory={read} watching={inventory?.watching ?? 'off'} />}
        </dl>
        {!read && session.state === 'disconnected' && (
          <p className={css('quiet')}>Nothing is known of its VMs yet. Connect to read them.</p>
        )}
        {!read && session.state === 'connecting' && <Skeleton lines={5} label="Connecting to the host" />}
        {!read && inventory?.reading && session.state === 'connected' && (
          <Skeleton lines={5} label="Reading the host" />
        )}
        {read && <ProblemList title="Storage is nearly full" problems={fullStorage(read)} />}
        {read && <ProblemList title="Not everything could be read" problems={read.problems} />}
        {read && <UnknownDependentsList unknown={read.unknownDependents} />}
        {read && <TroubledVms key={hostId} hostId={hostId} inventory={read} />}
        {read && <HostTemplates hostId={hostId} inventory={read} />}
        {read && <HostStorage inventory={read} />}
        {read && <Capabilities capabilities={read.hypervisor.capabilities} />}
      </div>
    </section>
  );
}

type Inventory = NonNullable<InventoryState['inventory']>;

function SessionFailure({ session }: { readonly session: HostWithSession['session'] & { state: 'failed' } }) {
  const now = useNow(1000);
  const wait = session.retryAt === null ? null : Math.max(0, Math.ceil(session.retryAt - now));
  return (
    <div>
      <ErrorCallout error={session.error} />
      {wait !== null && <p className={css('quiet', 'belowCallout')}>Snaptree tries again by itself in {wait} s.</p>}
    </div>
  );
}

const watchingWords: Readonly<Record<InventoryState['watching'], string>> = {
  events: 'changes by others are noticed at once',
  polling: 'changes by others are looked for now and then',
  off: 'changes by others are not looked for',
};

function Reading({
  inventory,
  watching,
}: {
  readonly inventory: Inventory;
  readonly watching: InventoryState['watching'];
}) {
  const now = useNow();
  const unreadable = inventory.vms.filter((vm) => !vm.readable).length;
  const { hypervisor } = inventory;
  return (
    <>
      <Fact name="Hypervisor">
        {hypervisor.kind} {hypervisor.version ?? '(version unknown)'}
        {hypervisor.emulator !== null && <>, {hypervisor.emulator}</>}
      </Fact>
      <Fact name="VMs">
        {count(inventory.vms.length, 'VM')}
        {unreadable > 0 && <span className={css('bad')}>, {unreadable} of them unreadable</span>}
      </Fact>
      <Fact name="Read">
        {formatTime(inventory.readAt)} ({formatAge(inventory.readAt, now)}); {watchingWords[watching]}
      </Fact>
    </>
  );
}

/** VMs that need a look, each a step away; the list at the left only marks them. */
function TroubledVms({ hostId, inventory }: { readonly hostId: string; readonly inventory: Inventory }) {
  const troubled = troubledVms(inventory);
  const { shown, more } = useFirst(troubled, troubledShownAtOnce);
  if (troubled.length === 0) return null;
  return (
    <section className={css('group')}>
      <h3>VMs that need a look</h3>
      <ul className={css('vmList')}>
        {shown.map(({ vm, reason, isError, more: others }) => (
          <li key={vm.uuid}>
            <span className={css('vmName')}>
              <Button
                size="small"
                onPress={() => {
                  update((state) => withSelection(state, { hostId, vmUuid: vm.uuid, snapshotId: null }));
                }}
              >
                <span className={css('vmTitle')}>
                  <HostText text={vm.name ?? vm.uuid} />
                </span>
              </Button>
            </span>
            <span className={css('severity', isError ? 'bad' : 'warning')}>
              {isError ? (
                <CircleAlert size={14} role="img" aria-label="error" />
              ) : (
                <TriangleAlert size={14} role="img" aria-label="warning" />
              )}
            </span>
            <span>
              <span className={css('reason')} title={visibleString(reason)}>
                <HostText text={reason} lines />
              </span>
              {others > 0 && <span className={css('quiet')}>And {others} more.</span>}
            </span>
          </li>
        ))}
      </ul>
      {more}
    </section>
  );
}

interface Troubled {
  readonly vm: Vm;
  /** The gravest thing that is wrong with it. */
  readonly reason: string;
  readonly isError: boolean;
  /** How many other things are. */
  readonly more: number;
}

/** VMs with errors first; else in the order of the reading. */
function troubledVms(inventory: Inventory): readonly Troubled[] {
  const troubled = inventory.vms.flatMap((vm): readonly Troubled[] => {
    if (!vm.readable) return [{ vm, reason: vm.reason, isError: true, more: 0 }];
    const problems = problemsOf(inventory, vm);
    const error = problems.find(({ severity }) => severity === 'error');
    const reason = (error ?? problems[0])?.message;
    return reason === undefined ? [] : [{ vm, reason, isError: error !== undefined, more: problems.length - 1 }];
  });
  return [...troubled.filter(({ isError }) => isError), ...troubled.filter(({ isError }) => !isError)];
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div className={css('fact')}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
