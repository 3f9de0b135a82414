/** virsh's commands about snapshots. */
import * as lifecycle from './lifecycle.ts';
import { LibvirtError, snapshotOf, type Vm } from './model.ts';
import { createSnapshot, type CreateRequest } from './snapshot-create.ts';
import { deleteSnapshot } from './snapshot-delete.ts';
import { redefineSnapshot } from './snapshot-from-xml.ts';
import { revertSnapshot } from './snapshot-revert.ts';
import { snapshotXml } from './snapshot-xml.ts';
import { changed, domain, domainWithSnapshot, has, value, vmFor, type Call, type Command } from './virsh-call.ts';
import type { ParsedCommand } from './virsh-parser.ts';
import { changeVm } from './world.ts';

/** The snapshot that a command names, or the current one. */
function namedSnapshot(call: Call, vm: Vm) {
  const { command } = call;
  if (command.values.has('snapshotname')) return snapshotOf(vm, value(command, 'snapshotname'));
  if (!has(command, 'current')) throw new LibvirtError('--snapshotname or --current is required');
  if (vm.current === null) throw new LibvirtError(`domain '${vm.definition.name}' has no current snapshot`);
  return snapshotOf(vm, vm.current);
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

async function create(call: Call, request: CreateRequest, remark: Call['remark'], from = ''): Promise<void> {
  const vm = vmFor(call);
  // Memory takes time; overlays are there at once.
  await changed(call, vm.live && !request.diskOnly ? 1800 : 900, (world, now) => {
    const snapshot = createSnapshot(world, now, request);
    if (request.halt) lifecycle.takeDown(world, vmFor(call), 'from snapshot');
    remark(`Domain snapshot ${snapshot.name} created${from}\n`);
  });
}

/** `snapshot-create` from a file: a whole record (`--redefine`), or name and description, as people write them by hand. */
async function createFromXml(call: Call): Promise<void> {
  const { command, host, remark } = call;
  const path = value(command, 'xmlfile');
  const file = host.world.files.fileAt(path);
  if (path !== '' && !file) throw new LibvirtError(`Failed to open file '${path}': No such file or directory`);
  const xml = file ? new TextDecoder().decode(file.bytes) : '';
  const from = file ? ` from '${path}'` : '';
  if (has(command, 'redefine')) {
    const { name } = redefineSnapshot(host.world, vmFor(call), xml, has(command, 'current'));
    remark(`Domain snapshot ${name} created${from}\n`);
    return;
  }
  const text = (element: string): string | null => {
    const found = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
    return found === undefined ? null : unescapeXml(found);
  };
  const request = { ...createRequest(command), name: text('name'), description: text('description') ?? '' };
  await create(call, request, remark, from);
}

function unescapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', apos: "'", quot: '"' };
  return text.replace(/&(#?\w+);/g, (whole, name: string) =>
    name.startsWith('#') ? String.fromCodePoint(Number(name.slice(1))) : (names[name] ?? whole),
  );
}

export const snapshotCommands: readonly (readonly [string, Command])[] = [
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
      positional: ['domain', 'snapshotname'],
      required: ['domain'],
      flags: ['name', 'security-info'],
      run: (call) => {
        const vm = vmFor(call);
        if (call.command.values.has('snapshotname')) {
          const { name } = namedSnapshot(call, vm);
          changeVm(call.host.world, vm.uuid, { current: name });
          call.remark(`Snapshot ${name} set as current\n`);
          return;
        }
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
      flags: [
        'redefine',
        'current',
        'disk-only',
        'atomic',
        'no-metadata',
        'halt',
        'live',
        'quiesce',
        'reuse-external',
        'validate',
      ],
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
];
