/** A simulated host as Snaptree's own SSH client meets it, and what it does when it is told to fail. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMachine, type Machine } from '../machine.ts';
import { addVm, gibibyte } from '../furnish.ts';
import { createDemoMachine } from '../fleet/fleet.ts';
import * as lifecycle from '../libvirt/lifecycle.ts';
import { readLibvirt } from '../../hypervisors/libvirt/read/read.ts';
import { watchLibvirt } from '../../hypervisors/libvirt/watch/watch.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById } from '../../../shared/rules/chains/chains.ts';
import { inventorySchema } from '../../../shared/model/inventory.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import { createChannelPool } from '../../hosts/commands/channel-pool.ts';
import type { CommandRunner } from '../../hosts/commands/runner.ts';
import { createScriptRunner } from '../../hosts/commands/script-runner.ts';
import { createSimulatedSshServer, type SimulatedSshServer } from './simulated-ssh-server.ts';
import type { Transport } from '../../hosts/commands/transport.ts';

const open: Transport[] = [];
const never = new AbortController().signal;

async function connect(machine: Machine): Promise<{ runner: CommandRunner; server: SimulatedSshServer }> {
  const server = createSimulatedSshServer(machine);
  const transport = await server.connect('simulated', never);
  open.push(transport);
  const pool = createChannelPool();
  return { server, runner: createScriptRunner({ hostName: 'simulated', current: () => ({ transport, pool }) }) };
}

const emptyMachine = (): Machine =>
  createMachine({
    name: 'empty',
    pace: 0,
    filesystems: [{ mountPoint: '/', device: '/dev/vda1', totalBytes: 10 * gibibyte, otherBytes: gibibyte }],
  });

afterEach(() => {
  for (const transport of open.splice(0)) transport.close();
});

const say = { argv: ['printf', '%s', "it's 'quoted' 快照 $HOME\n"] };

describe('a simulated host', () => {
  it('runs commands, with all bytes of their arguments', async () => {
    const { runner } = await connect(emptyMachine());
    expect((await runner.run(say)).stdout).toBe("it's 'quoted' 快照 $HOME\n");
    const { stdout } = await runner.runScript({
      title: 'look',
      script: 'id -un; uname -s; echo "$$"; command -v virsh',
    });
    expect(stdout).toMatch(/^root\nLinux\n\d+\n.*virsh\n$/);
    await expect(runner.run({ argv: ['nosuchcommand'] })).rejects.toMatchObject({ code: 'commandNotFound' });
    await expect(runner.run({ argv: ['virsh', 'domstate', 'x'] })).rejects.toMatchObject({
      code: 'commandFailed',
      message: expect.stringContaining("failed to get domain 'x'") as string,
    });
  });

  it('has a file system on which link(2) never replaces what is there', async () => {
    const { runner } = await connect(emptyMachine());
    const script = `cd /tmp; echo a >a; echo b >b; ln a c && ln b c 2>/dev/null || echo refused; cat c; mkdir d; mkdir d 2>/dev/null || echo there`;
    expect((await runner.runScript({ title: 'link', script })).stdout).toBe('refused\na\nthere\n');
  });

  it('tells what happens to VMs until nobody listens any more', async () => {
    const machine = emptyMachine();
    const vm = addVm(machine, { name: 'watched' });
    const { runner } = await connect(machine);
    const aborter = new AbortController();
    const ready = Promise.withResolvers<undefined>();
    const changed = Promise.withResolvers<string>();
    const watching = watchLibvirt(runner, 'qemu:///system', {
      signal: aborter.signal,
      onReady: () => {
        ready.resolve(undefined);
      },
      onChange: (name) => {
        changed.resolve(name);
      },
    });
    await ready.promise;
    lifecycle.start(machine.world, vm);
    expect(await changed.promise).toBe('watched');
    aborter.abort();
    await watching;
  });
});

describe('told to fail', () => {
  it('is slow', async () => {
    const machine = emptyMachine();
    const { runner } = await connect(machine);
    const fault = machine.faults.addToChannels({ effect: 'delay', milliseconds: 150 }, { times: 1 });
    const begun = performance.now();
    await runner.run(say);
    expect(performance.now() - begun).toBeGreaterThan(145);
    expect(fault.count()).toBe(1);
  });

  it.each([
    ['cuts the connection', { effect: 'cut', afterBytes: 10 }, 'connectionLost'],
    ['refuses channels', { effect: 'refuse' }, 'channelRefused'],
    ['ends with a strange exit code', { effect: 'exit', exitCode: 3, stderr: 'no luck\n' }, 'unexpectedOutput'],
  ] as const)('%s', async (_, effect, code) => {
    const machine = emptyMachine();
    const { runner } = await connect(machine);
    const fault = machine.faults.addToChannels(effect);
    await expect(runner.run(say)).rejects.toMatchObject({ code });
    fault.remove();
  });

  it('says things that mean nothing', async () => {
    const machine = emptyMachine();
    addVm(machine, { name: 'a' });
    const { runner } = await connect(machine);
    machine.faults.addToChannels({ effect: 'garbage' });
    await expect(readLibvirt(runner, 'qemu:///system', { priority: 'user' })).rejects.toMatchObject({
      code: 'unexpectedOutput',
    });
  });

  it('hangs, until one gives up', async () => {
    const machine = emptyMachine();
    const { runner } = await connect(machine);
    const fault = machine.faults.addToChannels({ effect: 'hang' }, { times: 1 });
    const aborter = new AbortController();
    const running = runner.run({ ...say, signal: aborter.signal });
    await fault.reached();
    aborter.abort();
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect((await runner.run(say)).exitCode).toBe(0);
  });

  it('drops all connections', async () => {
    const { runner, server } = await connect(emptyMachine());
    server.dropConnections();
    await expect(runner.run(say)).rejects.toMatchObject({ code: 'connectionLost' });
  });
});

describe('the demo fleet', () => {
  const names = ['alder', 'birch', 'cedar'] as const;
  const inventories = new Map<(typeof names)[number], Inventory>();
  // Seconds of work for an interpreter in JavaScript, more on a busy machine. No clock races with it: a command that hangs
  // ends by the time limit that the runner gives every command.
  beforeAll(async () => {
    for (const name of names) {
      const { runner } = await connect(createDemoMachine(name, 0));
      inventories.set(name, inventorySchema.parse(await readLibvirt(runner, 'qemu:///system', { priority: 'user' })));
    }
  }, 0);
  function inventoryOf(name: (typeof names)[number]): Inventory {
    const inventory = inventories.get(name);
    if (inventory === undefined) throw new Error(`${name} was not read`);
    return inventory;
  }

  it('has on alder a deep chain, old snapshots, a broken chain, a loop and orphans', () => {
    const inventory = inventoryOf('alder');
    const images = imagesById(inventory.images);
    const active = (name: string, index = 0) => {
      const vm = inventory.vms.find((each) => each.name === name);
      return (vm?.readable === true ? vm.disks[index]?.imageId : null) ?? '';
    };
    expect(chainFrom(active('database', 1), images).images).toHaveLength(12);
    expect(chainFrom(active('legacy-crm'), images).end).toBe('missing');
    expect(chainFrom(active('archive'), images).end).toBe('loop');
    // Nothing there keeps people from trying everything.
    expect(inventory.unknownDependents).toEqual([]);
    const readable = inventory.vms.filter((vm) => vm.readable);
    expect(new Set(readable.map(({ state }) => state))).toEqual(new Set(['running', 'paused', 'shutoff']));
    const ages = readable.flatMap(({ snapshots }) =>
      snapshots.map(({ createdAt }) => Date.now() / 1000 - (createdAt ?? 0)),
    );
    expect(Math.max(...ages)).toBeGreaterThan(700 * 86_400);
    const dependents = dependentsIndex(inventory);
    expect(dependentsOf(active('payroll'), dependents).childImageIds).toEqual([
      '/var/lib/libvirt/images/payroll-test.qcow2',
    ]);
    expect(
      readable
        .find(({ name }) => name === 'lab')
        ?.snapshots.map(({ kind }) => kind)
        .sort(),
    ).toEqual(['external', 'external', 'internal']);
  });

  it('has on birch instances that share a template, and a store that is nearly full', () => {
    const inventory = inventoryOf('birch');
    const template = '/srv/vmstore/templates/debian-12.qcow2';
    expect(dependentsOf(template, dependentsIndex(inventory)).childImageIds.length).toBeGreaterThan(9);
    const store = inventory.filesystems.find(({ folder }) => folder.startsWith('/srv/vmstore'));
    expect((store?.freeBytes ?? 0) / (store?.totalBytes ?? 1)).toBeLessThan(0.06);
    const golden = inventory.vms.find(({ name }) => name === 'golden-image');
    expect(golden?.readable === true ? golden.snapshots.length : 0).toBeGreaterThan(30);
  });

  it('has on cedar sixty VMs, and one that cannot be read', () => {
    const inventory = inventoryOf('cedar');
    expect(inventory.vms.filter((vm) => vm.readable)).toHaveLength(60);
    expect(inventory.vms.filter((vm) => !vm.readable).map(({ name }) => name)).toEqual(['stuck-01']);
  });
});
