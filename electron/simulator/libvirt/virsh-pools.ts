/** virsh's commands about storage pools. */
import { randomUUID } from 'node:crypto';
import { LibvirtError, type Pool } from './model.ts';
import { has, table, value, type Call, type Command } from './virsh-call.ts';

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

export const poolCommands: readonly (readonly [string, Command])[] = [
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
    'pool-create-as',
    {
      positional: ['name', 'type'],
      values: ['target'],
      required: ['name', 'type'],
      run: ({ host: { world }, command, remark }) => {
        const name = value(command, 'name');
        const path = value(command, 'target');
        const failed = `Failed to create pool ${name}`;
        if (world.state.pools.some((pool) => pool.name === name)) {
          throw new LibvirtError(failed, `operation failed: pool '${name}' already exists`);
        }
        if (world.files.nodeAt(path)?.kind !== 'folder') {
          throw new LibvirtError(failed, `cannot open directory '${path}': No such file or directory`);
        }
        const pool = { name, uuid: randomUUID(), path, active: true, transient: true };
        world.state = { ...world.state, pools: [...world.state.pools, pool] };
        remark(`Pool ${name} created\n\n`);
      },
    },
  ],
  [
    'pool-destroy',
    {
      positional: ['pool'],
      required: ['pool'],
      run: (call) => {
        const pool = poolFor(call);
        const { world } = call.host;
        if (!pool.active) {
          throw new LibvirtError(
            `Failed to destroy pool ${pool.name}`,
            `Requested operation is not valid: storage pool '${pool.name}' is not active`,
          );
        }
        const others = world.state.pools.filter((each) => each !== pool);
        const pools = pool.transient === true ? others : [...others, { ...pool, active: false }];
        world.state = { ...world.state, pools };
        call.remark(`Pool ${pool.name} destroyed\n\n`);
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
];
