import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSimulatedTestbed } from '../../../simulator/simulated-testbed.fixtures.ts';
import { exitCodes } from '../exit-codes.ts';
import { createSimulatedCli } from '../simulated-cli.fixtures.ts';

const testbed = createSimulatedTestbed();
const { run, remove } = createSimulatedCli(testbed, 'kvm1');
const disk = (target: string, type: string, source: string) =>
  `<disk type='${type}' device='disk'><driver name='qemu' type='qcow2'/><source ${source}<target dev='${target}'/></disk>`;
/** On an image of a server of NBD, and on a volume of a pool that libvirt does not know. */
const elsewhere = `<domain type='kvm'><name>elsewhere</name><uuid>22222222-2222-4222-8222-222222222222</uuid>
  <memory>32768</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>
  ${disk('vda', 'network', "protocol='nbd' name='export'><host name='nbd.example'/></source>")}
  ${disk('vdb', 'volume', "pool='undefined' volume='data.qcow2'/>")}</devices></domain>`;

beforeAll(async () => {
  await testbed.createVirtualMachine({ name: 'web', disks: [{ target: 'vda' }] });
  await testbed.virshWithXml(['define'], elsewhere);
});

afterAll(remove);

it.each(['chain', 'tree'])('what concerns another VM is no lack of what “%s” tells of one', async (command) => {
  const { err, exitCode } = await run(false, command, 'web');
  expect(err).not.toContain('Not read');
  expect(exitCode).toBe(exitCodes.done);
  const { out } = await run(false, command, 'web', '--json');
  expect(JSON.parse(out)).toMatchObject({ unread: [] });
});

it('of a whole host it is what was not examined alone, and not what that might hang on', async () => {
  const { out } = await run(false, 'inventory', '--json');
  expect(JSON.parse(out)).toMatchObject({
    inventory: {
      unknownDependents: [
        { what: 'nbd://nbd.example/export', likelihood: 'remote' },
        { what: 'undefined/data.qcow2', likelihood: 'remote' },
      ],
    },
    unread: [{ what: 'image nbd://nbd.example/export' }],
  });
});

it.each(['chain', 'tree'])(
  '“%s” tells what of the VM itself could not be read, by an exit code of its own',
  async (command) => {
    const { err, exitCode } = await run(false, command, 'elsewhere');
    expect(exitCode).toBe(exitCodes.partlyUnread);
    expect(err).toContain('undefined/data.qcow2');
  },
);
