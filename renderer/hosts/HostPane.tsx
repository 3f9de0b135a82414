import { Pencil, RefreshCw, Trash2 } from 'lucide-react';
import type { InventoryState } from '../../shared/contract.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import { refreshHost } from '../app/session.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { count, formatAge, formatBytes, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { Skeleton } from '../design/Skeleton.tsx';
import { useNow } from '../design/use-now.ts';
import { useClient } from '../ipc/client-context.ts';
import { showDialog } from '../store/store.ts';
import { ConnectButton } from './ConnectButton.tsx';
import styles from './HostPane.module.css';
import { hostAddress, sessionAppearance } from './session-words.ts';
import { StaleBanner } from './StaleBanner.tsx';

const css = classes(styles);

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
  const read = inventory?.inventory ?? null;
  return (
    <section className={css('pane')} aria-label={`Host ${host.name}`}>
      <header className={css('header')}>
        <h2 className={css('title')}>
          <HostText text={host.name} />
        </h2>
        <Chip tone={tone} icon={<Icon size={11} aria-hidden />}>
          {word}
        </Chip>
      </header>
      <div role="toolbar" aria-label="Host actions" className={css('toolbar')}>
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
      </div>
      <div className={css('body')}>
        {session.state === 'failed' && <SessionFailure session={session} />}
        {session.state !== 'failed' && read && <StaleBanner hostId={hostId} />}
        {session.state === 'connected' && !read && inventory?.error && <ErrorCallout error={inventory.error} />}
        <dl className={css('facts')}>
          <Fact name="Address">
            {hostAddress(host)} <CopyButton text={hostAddress(host)} what="address" />
          </Fact>
          <Fact name="libvirt URI">
            <code>{host.libvirtUri}</code>
          </Fact>
          {read && <Reading inventory={read} />}
        </dl>
        {!read && session.state === 'connecting' && <Skeleton lines={5} label="Connecting to the host" />}
        {!read && inventory?.reading && session.state === 'connected' && (
          <Skeleton lines={5} label="Reading the host" />
        )}
        {read && <Storage inventory={read} />}
        {read && read.problems.length > 0 && (
          <section className={css('group')}>
            <h3>What could not be read</h3>
            {read.problems.map((problem, index) => (
              <Callout key={index} tone={problem.severity === 'error' ? 'danger' : 'warning'}>
                <HostText text={problem.message} />
              </Callout>
            ))}
          </section>
        )}
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
      {wait !== null && <p className={css('note')}>Snaptree tries again by itself in {wait} s.</p>}
    </div>
  );
}

function Reading({ inventory }: { readonly inventory: Inventory }) {
  const now = useNow();
  const unreadable = inventory.vms.filter((vm) => !vm.readable).length;
  const { hypervisor } = inventory;
  return (
    <>
      <Fact name="Host name">
        <HostText text={inventory.hostName} />
      </Fact>
      <Fact name="Hypervisor">
        {hypervisor.kind} {hypervisor.version ?? '(version unknown)'}
        {hypervisor.emulator !== null && <>, {hypervisor.emulator}</>}
      </Fact>
      <Fact name="VMs">
        {count(inventory.vms.length, 'VM')}
        {unreadable > 0 && <span className={css('bad')}>, {unreadable} of them unreadable</span>}
      </Fact>
      <Fact name="Read">
        {formatTime(inventory.readAt)} ({formatAge(inventory.readAt, now)})
      </Fact>
    </>
  );
}

function Storage({ inventory }: { readonly inventory: Inventory }) {
  if (inventory.filesystems.length === 0) return null;
  return (
    <section className={css('group')}>
      <h3>Storage</h3>
      <table className={css('table')}>
        <thead>
          <tr>
            <th scope="col">Folder</th>
            <th scope="col">Free</th>
            <th scope="col">Size</th>
            <th scope="col">Used</th>
          </tr>
        </thead>
        <tbody>
          {inventory.filesystems.map((filesystem) => {
            const used = filesystem.totalBytes === 0 ? 0 : 1 - filesystem.freeBytes / filesystem.totalBytes;
            return (
              <tr key={filesystem.folder}>
                <td>
                  <code>
                    <HostText text={filesystem.folder} />
                  </code>
                </td>
                <td>{formatBytes(filesystem.freeBytes)}</td>
                <td>{formatBytes(filesystem.totalBytes)}</td>
                <td>
                  <span className={css('used')}>
                    <span className={css('bar', used > 0.9 && 'full')}>
                      <span style={{ width: `${used * 100}%` }} />
                    </span>
                    {Math.round(used * 100)} %{used > 0.9 && ', nearly full'}
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div className={css('fact')}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
