/** virsh's commands that change how VMs are defined. */
import type { Definition, DefinitionDisk } from './definition.ts';
import { definitionFromXml } from './definition-xml.ts';
import { LibvirtError, type Vm } from './model.ts';
import { has, value, vmFor, type Call, type Command } from './virsh-call.ts';
import { addDefined, changeVm } from './world.ts';

function define({ host: { world }, command, remark }: Call): void {
  const path = value(command, 'file');
  const file = world.files.fileAt(path);
  if (!file) throw new LibvirtError(`Failed to open file '${path}': No such file or directory`);
  const definition = definitionFromXml(new TextDecoder().decode(file.bytes));
  const { vms } = world.state;
  const named = vms.find((vm) => vm.definition.name === definition.name);
  if (named && named.uuid !== definition.uuid) {
    throw new LibvirtError(
      `Failed to define domain from ${path}`,
      `operation failed: domain '${definition.name}' already exists with uuid ${named.uuid}`,
    );
  }
  if (vms.some(({ uuid }) => uuid === definition.uuid)) {
    changeVm(world, definition.uuid, { definition, persistent: true });
  } else {
    addDefined(world, definition);
  }
  remark(`Domain '${definition.name}' defined from ${path}\n\n`);
}

/** Changes the definition of the next start; of the running VM nothing can be changed here. */
function changeDefinition(call: Call, change: (definition: Definition) => Definition): Vm {
  const vm = vmFor(call);
  if (!has(call.command, 'config') && vm.live) {
    throw new LibvirtError('Operation not supported: simulated hosts change definitions with --config only');
  }
  return changeVm(call.host.world, vm.uuid, { definition: change(vm.definition) });
}

export const definitionCommands: readonly (readonly [string, Command])[] = [
  ['define', { positional: ['file'], required: ['file'], flags: ['validate'], run: define }],
  [
    'desc',
    {
      positional: ['domain', 'new-desc'],
      required: ['domain'],
      flags: ['config', 'title'],
      run: (call) => {
        const { command, host, print, remark } = call;
        const words = command.values.get('new-desc');
        const key = has(command, 'title') ? 'title' : 'description';
        if (!words) {
          print(`${vmFor(call).definition[key]}\n`);
          return;
        }
        const vm = changeDefinition(call, (definition) => ({ ...definition, [key]: words.join(' ') }));
        host.world.tell({ vm, kind: 'metadata-change', what: `type ${key}, uri <null>` });
        remark(`Domain ${key} updated successfully\n`);
      },
    },
  ],
  [
    'attach-disk',
    {
      positional: ['domain', 'source', 'target'],
      required: ['domain', 'source', 'target'],
      values: ['subdriver', 'targetbus'],
      flags: ['config'],
      run: (call) => {
        const { command, remark } = call;
        const target = value(command, 'target');
        changeDefinition(call, (definition) => {
          if (definition.disks.some((disk) => disk.target === target)) {
            throw new LibvirtError('Failed to attach disk', `operation failed: target ${target} already exists`);
          }
          const disk: DefinitionDisk = {
            target,
            device: 'disk',
            bus: 'virtio',
            format: value(command, 'subdriver') || 'raw',
            source: { kind: 'file', path: value(command, 'source') },
            readOnly: false,
            backing: null,
          };
          return { ...definition, disks: [...definition.disks, disk] };
        });
        remark('Disk attached successfully\n\n');
      },
    },
  ],
  [
    'detach-disk',
    {
      positional: ['domain', 'target'],
      required: ['domain', 'target'],
      flags: ['config'],
      run: (call) => {
        const target = value(call.command, 'target');
        changeDefinition(call, (definition) => {
          const disks = definition.disks.filter((disk) => disk.target !== target);
          if (disks.length === definition.disks.length) {
            throw new LibvirtError(`No disk found whose source path or target is ${target}`);
          }
          return { ...definition, disks };
        });
        call.remark('Disk detached successfully\n\n');
      },
    },
  ],
];
