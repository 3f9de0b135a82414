/** virsh's commands about storage pools. */
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
