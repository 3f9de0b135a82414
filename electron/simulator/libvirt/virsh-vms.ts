/** virsh's commands about VMs. */
import { isReady } from './block-jobs.ts';
import { definitionXml, type Definition, type Mirror } from './definition.ts';
import * as lifecycle from './lifecycle.ts';
import { definitionOf, LibvirtError, type Vm } from './model.ts';
import { changed, domain, has, introduced, table, value, vmFor, type Call, type Command } from './virsh-call.ts';
import type { ParsedCommand } from './virsh-parser.ts';
import { changeVm, type World } from './world.ts';

const stateText = ({ live }: Vm): string => live?.state ?? 'shut off';

/** Running ones by their ids, then the others by their names. */
function inOrder(vms: readonly Vm[]): readonly Vm[] {
  return [...vms].sort((a, b) => {
    if (a.live && b.live) return a.live.id - b.live.id;
    if (a.live || b.live) return a.live ? -1 : 1;
    return a.definition.name < b.definition.name ? -1 : 1;
  });
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
      // There are none on a simulated host.
      !has(command, 'with-checkpoint') &&
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

function requireLive({ live }: Vm): void {
  if (!live) throw new LibvirtError('Requested operation is not valid: domain is not running');
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
  print(
    definitionXml(definition, {
      element: 'domain',
      id: live?.id ?? null,
      indent: 0,
      live: live !== null,
      mirrors: mirrorsOf(host.world, live && vm),
      ...(live && { isAgentConnected: vm.guest.agent !== 'notConnected' }),
    }),
  );
}

/** What active commits write to as well. */
function mirrorsOf(world: World, vm: Vm | null): Mirror[] {
  return (vm?.live?.jobs ?? []).flatMap((job) =>
    job.kind === 'activeCommit' && job.base !== null
      ? [
          {
            target: job.target,
            path: job.base,
            format: world.files.imageAt(job.base)?.format ?? 'raw',
            ready: job.pivots ? 'pivot' : vm && isReady(world, vm, job) ? 'yes' : 'no',
          },
        ]
      : [],
  );
}

/** Changes the life of a VM in so many milliseconds, in virsh's words for it going wrong and for its being done. */
function lifecycleStep(
  call: Call,
  milliseconds: number,
  change: (world: World, vm: Vm) => void,
  say: { readonly failed: (name: string) => string; readonly done: (name: string) => string },
): ReturnType<typeof changed> {
  return changed(call, milliseconds, (world, vm) => {
    introduced(call, say.failed, () => {
      change(world, vm);
    });
    call.remark(say.done(value(call.command, 'domain')));
  });
}

export const vmCommands: readonly (readonly [string, Command])[] = [
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
        'with-checkpoint',
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
    'domcontrol',
    {
      ...domain,
      run: (call) => {
        requireLive(vmFor(call));
        call.print('ok\n');
      },
    },
  ],
  [
    'domjobinfo',
    {
      ...domain,
      flags: ['completed', 'keep-completed', 'anystats', 'rawstats'],
      run: (call) => {
        vmFor(call);
        call.print(`${'Job type:'.padEnd(17)} ${'None'.padEnd(12)}\n`);
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
        lifecycleStep(call, 400, lifecycle.destroy, {
          failed: (name) => `Failed to destroy domain '${name}'`,
          done: (name) => `Domain '${name}' destroyed\n\n`,
        }),
    },
  ],
  [
    'shutdown',
    {
      ...domain,
      values: ['mode'],
      run: (call) =>
        lifecycleStep(call, 100, lifecycle.askToShutDown, {
          failed: (name) => `Failed to shutdown domain '${name}'`,
          done: (name) => `Domain '${name}' is being shutdown\n\n`,
        }),
    },
  ],
  [
    'suspend',
    {
      ...domain,
      run: (call) =>
        lifecycleStep(call, 100, lifecycle.pause, {
          failed: (name) => `Failed to suspend domain '${name}'`,
          done: (name) => `Domain '${name}' suspended\n\n`,
        }),
    },
  ],
  [
    'resume',
    {
      ...domain,
      run: (call) =>
        lifecycleStep(call, 100, lifecycle.resume, {
          failed: (name) => `Failed to resume domain '${name}'`,
          done: (name) => `Domain '${name}' resumed\n\n`,
        }),
    },
  ],
  [
    'managedsave',
    {
      ...domain,
      run: (call) =>
        lifecycleStep(call, 1500, lifecycle.saveManaged, {
          failed: (name) => `Failed to save domain '${name}' state`,
          done: (name) => `\nDomain '${name}' state saved by libvirt\n\n`,
        }),
    },
  ],
  [
    'managedsave-dumpxml',
    {
      ...domain,
      run: (call) => {
        const { managedSave } = vmFor(call);
        if (!managedSave) {
          throw new LibvirtError('Requested operation is not valid: domain does not have managed save image');
        }
        call.print(definitionXml(managedSave.definition, { element: 'domain', id: null, indent: 0, live: true }));
      },
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
          lifecycle.discardManagedSave(world, vm);
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
];
