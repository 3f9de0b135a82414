/** The command virsh of a simulated host. */
import { randomUUID } from 'node:crypto';
import { definitionXml, writableFileDisks, type Definition } from './definition.ts';
import * as lifecycle from './lifecycle.ts';
import { definitionOf, LibvirtError, memoryAt, snapshotOf, type Pool, type Vm } from './model.ts';
import { createSnapshot, type CreateRequest } from './snapshot-create.ts';
import { deleteSnapshot } from './snapshot-delete.ts';
import { revertSnapshot } from './snapshot-revert.ts';
import { snapshotXml } from './snapshot-xml.ts';
import { parseCommand, splitLine, type CommandShape, type ParsedCommand } from './virsh-parser.ts';
import { changeVm, type World } from './world.ts';

/** What comes out of it, in order. */
export interface VirshOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

export interface VirshHost {
  readonly world: World;
  /** How long a change takes, in milliseconds; waits for it. */
  readonly work: (milliseconds: number) => Promise<void>;
  /** Waits where a test holds a command. Gives true where the command is to fail. */
  readonly meet: (command: string, vmUuid: string | null) => Promise<boolean>;
}

interface Call {
  readonly host: VirshHost;
  readonly command: ParsedCommand;
  readonly quiet: boolean;
  readonly print: (text: string) => void;
  /** What `--quiet` leaves out. */
  readonly remark: (text: string) => void;
}

interface Command extends CommandShape {
  readonly run: (call: Call) => void | Promise<void>;
}

const version = '9.0.0';
const emulator = '7.2.22';

/** Runs virsh. Gives its exit code. */
export async function runVirsh(host: VirshHost, argv: readonly string[], { out, error }: VirshOutput): Promise<number> {
  const { quiet, rest, uri } = globalOptions(argv);
  const fail = (thrown: unknown): number => {
    if (!(thrown instanceof LibvirtError)) throw thrown;
    for (const line of thrown.lines) error(line === '' ? '\n' : `error: ${line}\n`);
    return 1;
  };
  if (uri !== null && uri !== 'qemu:///system') {
    error('error: failed to connect to the hypervisor\n');
    error(`error: no connection driver available for ${uri}\n`);
    return 1;
  }
  const parsed: ParsedCommand[] = [];
  try {
    const [only] = rest;
    const lines = rest.length === 1 && only !== undefined ? splitLine(only) : [rest];
    // A line that cannot be read is refused as a whole.
    for (const words of lines) parsed.push(parseCommand(words, commands));
  } catch (thrown) {
    return fail(thrown);
  }
  let code = 0;
  for (const command of parsed) {
    try {
      const vm = command.values.get('domain')?.[0] ?? null;
      if (await host.meet(command.name, vm)) throw new LibvirtError(`failed to get domain '${vm ?? ''}'`);
      await commands
        .get(command.name)
        ?.run({ host, command, quiet, print: out, remark: quiet ? () => undefined : out });
      code = 0;
    } catch (thrown) {
      code = fail(thrown);
    }
  }
  return code;
}

function globalOptions(argv: readonly string[]): { quiet: boolean; rest: readonly string[]; uri: string | null } {
  let quiet = false;
  let uri: string | null = null;
  let index = 0;
  for (; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '-q' || word === '--quiet') quiet = true;
    else if (word === '-c' || word === '--connect') uri = argv[(index += 1)] ?? null;
    else if (word.startsWith('--connect=')) uri = word.slice('--connect='.length);
    else if (word === '-r' || word === '--readonly') continue;
    else if (word === '--version' || word === '-v') return { quiet, rest: ['--version'], uri };
    else break;
  }
  return { quiet, rest: argv.slice(index), uri };
}

const value = (command: ParsedCommand, option: string): string => command.values.get(option)?.[0] ?? '';
const has = (command: ParsedCommand, flag: string): boolean => command.flags.has(flag);

/** libvirt takes a VM's argument as an id, then as a UUID, then as a name. */
function vmFor({ host, command }: Call): Vm {
  const wanted = value(command, 'domain');
  const { vms } = host.world.state;
  const vm =
    vms.find(({ live }) => live !== null && String(live.id) === wanted) ??
    vms.find(({ uuid }) => uuid === wanted) ??
    vms.find(({ definition }) => definition.name === wanted);
  if (vm) return vm;
  throw new LibvirtError(`failed to get domain '${wanted}'`);
}

const stateText = ({ live }: Vm): string => live?.state ?? 'shut off';

/** Running ones by their ids, then the others by their names. */
function inOrder(vms: readonly Vm[]): readonly Vm[] {
  return [...vms].sort((a, b) => {
    if (a.live && b.live) return a.live.id - b.live.id;
    if (a.live || b.live) return a.live ? -1 : 1;
    return a.definition.name < b.definition.name ? -1 : 1;
  });
}

/** Rows as virsh prints them: cells padded to the widest, three spaces between. */
function table(header: readonly string[], rows: readonly (readonly string[])[], quiet: boolean): string {
  const all = quiet ? rows : [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    ` ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3))).join('')}\n`;
  const [first, ...others] = all.map(line);
  if (quiet || first === undefined) return all.map(line).join('');
  return `${first}${'-'.repeat(widths.reduce((sum, width) => sum + width + 3, 1))}\n${others.join('')}`;
}

const domain: CommandShape = { positional: ['domain'], required: ['domain'] };
const domainWithSnapshot = (flags: readonly string[]): CommandShape => ({
  positional: ['domain', 'snapshotname'],
  required: ['domain'],
  flags: [...flags, 'current', 'security-info'],
});

/** The snapshot that a command names, or the current one. */
function namedSnapshot(call: Call, vm: Vm) {
  const { command } = call;
  if (command.values.has('snapshotname')) return snapshotOf(vm, value(command, 'snapshotname'));
  if (!has(command, 'current')) throw new LibvirtError('--snapshotname or --current is required');
  if (vm.current === null) throw new LibvirtError(`domain '${vm.definition.name}' has no current snapshot`);
  return snapshotOf(vm, vm.current);
}

/** With several states named, any of them will do. */
function isInState(command: ParsedCommand, vm: Vm): boolean {
  const wanted = ['running', 'paused', 'shutoff', 'other'].filter((state) => has(command, `state-${state}`));
  return wanted.length === 0 || wanted.includes(vm.live?.state ?? 'shutoff');
}

function listVms({ host, command, print, quiet }: Call): void {
  const all = has(command, 'all') || has(command, 'inactive');
  const vms = inOrder(host.world.state.vms).filter(
    (vm) =>
      (all || vm.live !== null) &&
      (!has(command, 'inactive') || has(command, 'all') || vm.live === null) &&
      (!has(command, 'persistent') || vm.persistent) &&
      (!has(command, 'transient') || !vm.persistent) &&
      (!has(command, 'with-managed-save') || vm.managedSave !== null) &&
      (!has(command, 'with-snapshot') || vm.snapshots.length > 0) &&
      isInState(command, vm),
  );
  if (has(command, 'uuid') || has(command, 'name') || has(command, 'id')) {
    for (const vm of vms) {
      const cells = [
        ...(has(command, 'id') ? [String(vm.live?.id ?? '-')] : []),
        ...(has(command, 'uuid') ? [vm.uuid] : []),
        ...(has(command, 'name') ? [vm.definition.name] : []),
      ];
      print(`${cells.join(' ')}\n`);
    }
    return;
  }
  const rows = vms.map((vm) => [String(vm.live?.id ?? '-'), vm.definition.name, stateText(vm)]);
  print(table(['Id', 'Name', 'State'], rows, quiet));
}

function sourceWord(source: Definition['disks'][number]['source']): string {
  switch (source?.kind) {
    case 'file':
      return source.path;
    case 'volume':
      return source.volume;
    case 'network':
      return source.name;
    default:
      return '-';
  }
}

function dumpVm({ host, command, print, ...rest }: Call): void {
  const vm = vmFor({ host, command, print, ...rest });
  if (vm.unreadable !== null) throw new LibvirtError(vm.unreadable);
  const live = has(command, 'inactive') ? null : vm.live;
  const definition = live?.definition ?? vm.definition;
  print(definitionXml(definition, { element: 'domain', id: live?.id ?? null, indent: 0, live: live !== null }));
}

/** What libvirt refuses stands behind a line that says what virsh was about to do. */
function introduced(call: Call, what: (name: string) => string, change: () => void): void {
  try {
    change();
  } catch (thrown) {
    if (!(thrown instanceof LibvirtError)) throw thrown;
    throw new LibvirtError(what(value(call.command, 'domain')), ...thrown.lines);
  }
}

async function changed(call: Call, milliseconds: number, change: (world: World, vm: Vm) => void): Promise<void> {
  // Whether it is there is said at once; what is done with it is what is there after the work.
  vmFor(call);
  await call.host.work(milliseconds);
  change(call.host.world, vmFor(call));
}

function splitSpec(spec: string): readonly string[] {
  return spec
    .replaceAll(',,', '\0')
    .split(',')
    .map((part) => part.replaceAll('\0', ','));
}

function createRequest(command: ParsedCommand): CreateRequest {
  const memory = command.values.has('memspec') ? splitSpec(value(command, 'memspec')) : [];
  const memoryFile = memory.map((part) => part.replace(/^file=/, '')).find((part) => part.startsWith('/')) ?? null;
  return {
    name: command.values.has('name') ? value(command, 'name') : null,
    description: value(command, 'description'),
    diskOnly: has(command, 'disk-only'),
    memoryFile,
    disks: (command.values.get('diskspec') ?? []).map((spec) => {
      const [target = '', ...parts] = splitSpec(spec);
      const option = (name: string) => parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
      const kind = option('snapshot');
      return {
        target,
        kind: kind === 'internal' || kind === 'external' || kind === 'no' ? kind : null,
        file: option('file') ?? null,
      };
    }),
    withoutRecord: has(command, 'no-metadata'),
    halt: has(command, 'halt'),
  };
}

async function createAs(call: Call): Promise<void> {
  const { command, remark } = call;
  for (const option of ['name', 'description']) {
    if (command.values.has(option) && value(command, option) === '') {
      throw new LibvirtError(`Failed to get option '${option}': Option argument is empty`);
    }
  }
  await create(call, createRequest(command), remark);
}

async function create(call: Call, request: CreateRequest, remark: Call['remark']): Promise<void> {
  const vm = vmFor(call);
  // Memory takes time; overlays are there at once.
  await changed(call, vm.live && !request.diskOnly ? 1800 : 900, (world, now) => {
    const snapshot = createSnapshot(world, now, request);
    if (request.halt) lifecycle.takeDown(world, vmFor(call), 'from snapshot');
    remark(`Domain snapshot ${snapshot.name} created\n`);
  });
}

/** `snapshot-create` from a file: name and description, as people write them by hand. */
async function createFromXml(call: Call): Promise<void> {
  const { command, host, remark } = call;
  const path = value(command, 'xmlfile');
  const file = host.world.files.fileAt(path);
  if (path !== '' && !file) throw new LibvirtError(`Failed to open file '${path}': No such file or directory`);
  const xml = file ? new TextDecoder().decode(file.bytes) : '';
  const text = (element: string): string | null => {
    const found = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
    return found === undefined ? null : unescapeXml(found);
  };
  const request = { ...createRequest(command), name: text('name'), description: text('description') ?? '' };
  await create(call, request, remark);
}

function unescapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', apos: "'", quot: '"' };
  return text.replace(/&(#?\w+);/g, (whole, name: string) =>
    name.startsWith('#') ? String.fromCodePoint(Number(name.slice(1))) : (names[name] ?? whole),
  );
}

function poolFor({ host, command }: Call): Pool {
  const wanted = value(command, 'pool');
  const pool = host.world.state.pools.find(({ name, uuid }) => name === wanted || uuid === wanted);
  if (pool) return pool;
  throw new LibvirtError(
    `failed to get pool '${wanted}'`,
    `Storage pool not found: no storage pool with matching name '${wanted}'`,
  );
}

function volumePath(call: Call): string {
  const pool = poolFor(call);
  const name = value(call.command, 'vol');
  const path = `${pool.path}/${name}`;
  if (!pool.active) {
    throw new LibvirtError(
      `failed to get vol '${name}'`,
      `Requested operation is not valid: storage pool '${pool.name}' is not active`,
    );
  }
  if (call.host.world.files.fileAt(path)) return path;
  throw new LibvirtError(
    `failed to get vol '${name}'`,
    `Storage volume not found: no storage vol with matching name '${name}'`,
  );
}

function poolXml({ name, uuid, path }: Pool): string {
  return `<pool type='dir'>\n  <name>${name}</name>\n  <uuid>${uuid}</uuid>\n  <source>\n  </source>\n  <target>\n    <path>${path}</path>\n  </target>\n</pool>\n`;
}

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    '--version',
    {
      positional: [],
      run: ({ print }) => {
        print(`${version}\n`);
      },
    },
  ],
  [
    'uri',
    {
      positional: [],
      run: ({ print }) => {
        print('qemu:///system\n');
      },
    },
  ],
  [
    'echo',
    {
      positional: ['string'],
      values: ['err', 'prefix'],
      flags: ['shell', 'xml', 'split'],
      run: ({ command, print, remark }) => {
        print((command.values.get('string') ?? []).join(' '));
        remark('\n');
      },
    },
  ],
  [
    'version',
    {
      positional: [],
      flags: ['daemon'],
      run: ({ command, print, remark }) => {
        print(`Compiled against library: libvirt ${version}\nUsing library: libvirt ${version}\n`);
        print(`Using API: QEMU ${version}\nRunning hypervisor: QEMU ${emulator}\n`);
        if (has(command, 'daemon')) print(`Running against daemon: ${version}\n`);
        remark('\n');
      },
    },
  ],
  [
    'domcapabilities',
    {
      positional: [],
      values: ['virttype', 'emulatorbin', 'arch', 'machine'],
      run: ({ print }) => {
        print(
          "<domainCapabilities>\n  <path>/usr/bin/qemu-system-x86_64</path>\n  <domain>kvm</domain>\n  <machine>pc-q35-7.2</machine>\n  <arch>x86_64</arch>\n  <features>\n    <gic supported='no'/>\n    <vmcoreinfo supported='yes'/>\n    <genid supported='yes'/>\n    <backingStoreInput supported='yes'/>\n    <backup supported='yes'/>\n    <async-teardown supported='no'/>\n  </features>\n</domainCapabilities>\n",
        );
      },
    },
  ],
  [
    'list',
    {
      positional: [],
      flags: [
        'all',
        'inactive',
        'uuid',
        'name',
        'id',
        'persistent',
        'transient',
        'with-managed-save',
        'with-snapshot',
        'without-snapshot',
        'state-running',
        'state-paused',
        'state-shutoff',
        'state-other',
        'table',
        'title',
        'managed-save',
      ],
      run: listVms,
    },
  ],
  [
    'domname',
    {
      ...domain,
      run: (call) => {
        call.print(`${vmFor(call).definition.name}\n`);
      },
    },
  ],
  [
    'domuuid',
    {
      ...domain,
      run: (call) => {
        call.print(`${vmFor(call).uuid}\n`);
      },
    },
  ],
  [
    'domid',
    {
      ...domain,
      run: (call) => {
        call.print(`${vmFor(call).live?.id ?? '-'}\n`);
      },
    },
  ],
  [
    'domstate',
    {
      ...domain,
      flags: ['reason'],
      run: (call) => {
        const vm = vmFor(call);
        const reason = has(call.command, 'reason') ? ` (${vm.live?.reason ?? vm.offReason})` : '';
        call.print(`${stateText(vm)}${reason}\n`);
        call.remark('\n');
      },
    },
  ],
  [
    'domblklist',
    {
      ...domain,
      flags: ['inactive', 'details'],
      run: (call) => {
        const vm = vmFor(call);
        const { disks } = has(call.command, 'inactive') ? vm.definition : definitionOf(vm);
        const rows = disks.map(({ target, device, source }) => [
          ...(has(call.command, 'details') ? [source?.kind ?? 'file', device] : []),
          target,
          sourceWord(source),
        ]);
        const header = [...(has(call.command, 'details') ? ['Type', 'Device'] : []), 'Target', 'Source'];
        call.print(table(header, rows, call.quiet));
        call.remark('\n');
      },
    },
  ],
  ['dumpxml', { ...domain, flags: ['inactive', 'security-info', 'migratable'], run: dumpVm }],
  [
    'start',
    {
      ...domain,
      flags: ['paused'],
      run: (call) =>
        changed(call, 1200, (world, vm) => {
          lifecycle.start(world, vm);
          call.remark(`Domain '${vm.definition.name}' started\n\n`);
        }),
    },
  ],
  [
    'destroy',
    {
      ...domain,
      run: (call) =>
        changed(call, 400, (world, vm) => {
          introduced(
            call,
            (name) => `Failed to destroy domain '${name}'`,
            () => {
              lifecycle.destroy(world, vm);
            },
          );
          call.remark(`Domain '${value(call.command, 'domain')}' destroyed\n\n`);
        }),
    },
  ],
  [
    'suspend',
    {
      ...domain,
      run: (call) =>
        changed(call, 100, (world, vm) => {
          introduced(
            call,
            (name) => `Failed to suspend domain '${name}'`,
            () => {
              lifecycle.pause(world, vm);
            },
          );
          call.remark(`Domain '${value(call.command, 'domain')}' suspended\n\n`);
        }),
    },
  ],
  [
    'resume',
    {
      ...domain,
      run: (call) =>
        changed(call, 100, (world, vm) => {
          introduced(
            call,
            (name) => `Failed to resume domain '${name}'`,
            () => {
              lifecycle.resume(world, vm);
            },
          );
          call.remark(`Domain '${value(call.command, 'domain')}' resumed\n\n`);
        }),
    },
  ],
  [
    'managedsave',
    {
      ...domain,
      run: (call) =>
        changed(call, 1500, (world, vm) => {
          introduced(
            call,
            (name) => `Failed to save domain '${name}' state`,
            () => {
              lifecycle.saveManaged(world, vm);
            },
          );
          call.remark(`\nDomain '${value(call.command, 'domain')}' state saved by libvirt\n\n`);
        }),
    },
  ],
  [
    'managedsave-remove',
    {
      ...domain,
      run: (call) =>
        changed(call, 100, (world, vm) => {
          call.print(
            vm.managedSave
              ? `Removed managedsave image for domain '${value(call.command, 'domain')}'\n`
              : `Domain '${value(call.command, 'domain')}' has no manage save image; removal skipped\n`,
          );
          changeVm(world, vm.uuid, { managedSave: null });
        }),
    },
  ],
  [
    'undefine',
    {
      ...domain,
      flags: ['snapshots-metadata', 'checkpoints-metadata', 'managed-save', 'nvram'],
      run: (call) =>
        changed(call, 100, (world, vm) => {
          if (!vm.live && vm.snapshots.length > 0 && !has(call.command, 'snapshots-metadata')) {
            throw new LibvirtError(
              `Failed to undefine domain '${value(call.command, 'domain')}'`,
              `Requested operation is not valid: cannot delete inactive domain with ${vm.snapshots.length} snapshots`,
            );
          }
          if (vm.live) changeVm(world, vm.uuid, { persistent: false });
          else world.state = { ...world.state, vms: world.state.vms.filter(({ uuid }) => uuid !== vm.uuid) };
          call.print(`Domain '${value(call.command, 'domain')}' has been undefined\n`);
        }),
    },
  ],
  [
    'snapshot-list',
    {
      ...domain,
      flags: ['name', 'topological', 'tree', 'roots', 'leaves', 'metadata', 'internal', 'external', 'parent'],
      run: (call) => {
        const names = vmFor(call)
          .snapshots.map(({ name }) => name)
          .sort((a, b) => (a < b ? -1 : 1));
        for (const name of names) call.print(`${name}\n`);
      },
    },
  ],
  [
    'snapshot-current',
    {
      ...domain,
      flags: ['name', 'security-info'],
      run: (call) => {
        const vm = vmFor(call);
        if (vm.current === null) throw new LibvirtError(`domain '${vm.definition.name}' has no current snapshot`);
        call.print(has(call.command, 'name') ? vm.current : snapshotXml(snapshotOf(vm, vm.current)));
        call.remark('\n');
      },
    },
  ],
  [
    'snapshot-dumpxml',
    {
      ...domainWithSnapshot([]),
      run: (call) => {
        const vm = vmFor(call);
        call.print(snapshotXml(namedSnapshot(call, vm)));
      },
    },
  ],
  [
    'snapshot-create-as',
    {
      positional: ['domain', 'name', 'description', 'diskspec'],
      values: ['memspec'],
      flags: ['disk-only', 'atomic', 'no-metadata', 'halt', 'live', 'quiesce', 'reuse-external', 'validate'],
      required: ['domain'],
      run: createAs,
    },
  ],
  [
    'snapshot-create',
    {
      positional: ['domain', 'xmlfile'],
      flags: ['disk-only', 'atomic', 'no-metadata', 'halt', 'live', 'quiesce', 'reuse-external', 'validate'],
      required: ['domain'],
      run: createFromXml,
    },
  ],
  [
    'snapshot-revert',
    {
      ...domainWithSnapshot(['running', 'paused', 'force', 'reset-nvram']),
      run: async (call) => {
        const { name } = namedSnapshot(call, vmFor(call));
        await changed(call, 2200, (world, vm) => {
          const { command } = call;
          revertSnapshot(world, vm, snapshotOf(vm, name), {
            running: has(command, 'running'),
            paused: has(command, 'paused'),
            force: has(command, 'force'),
          });
          call.remark(`Domain snapshot ${name} reverted\n`);
        });
      },
    },
  ],
  [
    'snapshot-delete',
    {
      ...domainWithSnapshot(['children', 'children-only', 'metadata']),
      run: async (call) => {
        const { name } = namedSnapshot(call, vmFor(call));
        await changed(call, 1300, (world, vm) => {
          const { command } = call;
          deleteSnapshot(world, vm, snapshotOf(vm, name), {
            children: has(command, 'children'),
            childrenOnly: has(command, 'children-only'),
            metadata: has(command, 'metadata'),
          });
          call.remark(`Domain snapshot ${name}${has(command, 'children-only') ? ' children' : ''} deleted\n`);
        });
      },
    },
  ],
  [
    'pool-list',
    {
      positional: [],
      flags: ['all', 'inactive', 'uuid', 'name', 'details'],
      run: ({ host, command, print, quiet }) => {
        const pools = host.world.state.pools.filter(({ active }) => active || has(command, 'all'));
        if (has(command, 'uuid') || has(command, 'name')) {
          for (const { name, uuid } of pools) print(`${has(command, 'uuid') ? uuid : name}\n`);
          return;
        }
        const rows = pools.map(({ name, active }) => [name, active ? 'active' : 'inactive', 'yes']);
        print(table(['Name', 'State', 'Autostart'], rows, quiet));
      },
    },
  ],
  [
    'pool-dumpxml',
    {
      positional: ['pool'],
      flags: ['inactive'],
      required: ['pool'],
      run: (call) => {
        call.print(poolXml(poolFor(call)));
      },
    },
  ],
  [
    'pool-refresh',
    {
      positional: ['pool'],
      required: ['pool'],
      run: (call) => {
        call.remark(`Pool ${poolFor(call).name} refreshed\n`);
      },
    },
  ],
  [
    'vol-path',
    {
      positional: ['vol', 'pool'],
      required: ['vol'],
      run: (call) => {
        call.print(`${volumePath(call)}\n`);
      },
    },
  ],
]);

/** A new VM as `virsh define` leaves it. */
export function defineVm(world: World, definition: Omit<Definition, 'uuid'> & { readonly uuid?: string }): Vm {
  const vm: Vm = {
    uuid: definition.uuid ?? randomUUID(),
    definition: { ...definition, uuid: definition.uuid ?? randomUUID() },
    persistent: true,
    live: null,
    offReason: 'unknown',
    managedSave: null,
    snapshots: [],
    current: null,
    unreadable: null,
  };
  const whole = { ...vm, definition: { ...vm.definition, uuid: vm.uuid } };
  world.state = { ...world.state, vms: [...world.state.vms, whole] };
  return whole;
}

/** What the guest of a VM has counted to; null where it does not run. */
export function countOf(world: World, vm: Vm): number | null {
  return vm.live ? memoryAt(vm.live.memory, world.now()).count : null;
}

export { writableFileDisks };
