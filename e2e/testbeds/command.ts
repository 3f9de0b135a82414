import { parseArgs } from 'node:util';
import { resetVirtualMachine } from './scenes.ts';
import { allVersions, knownVersions } from './places.ts';
import { down, status, up } from './testbed.ts';
import type { TestbedStatus } from './testbed.ts';

const usage = `Usage: npm run testbed -- up|down|status libvirt [options]
       npm run testbed -- reset libvirt NAME
  --yes       up: install missing Debian packages
  --all-versions
              up: also libvirt ${allVersions.join(', ')}, except the machine's own (downloads about 200 MB for each, once)
  --version V up: also this one (newest: that of Debian unstable); down: only this one; reset: the VM of this one
  --purge     down: deletes the root file systems of those versions, too
  --port N    up: the SSH port (any free one when left out)
  --json      status: connection data and VMs as JSON`;

function print(found: TestbedStatus): void {
  console.log(`Testbed libvirt: ${found.up ? 'up' : 'down'}; libvirtd: ${found.libvirt}`);
  for (const [name, pid] of Object.entries(found.daemons)) console.log(`  ${name.padEnd(10)} process ${pid}`);
  const { connection } = found;
  if (connection !== undefined) {
    console.log(`SSH: ${connection.host} port ${connection.port}`);
    console.log(`  ${connection.users.administrator}: by key (reads every image)`);
    console.log(`  ${connection.users.operator}: by key or password, in the group libvirt`);
    console.log(`  ${connection.users.outsider}: by key or password, not in the group libvirt`);
    console.log(`  key                 ${connection.keyFile}`);
    console.log(`  key with passphrase ${connection.protectedKeyFile}`);
    console.log('  password and passphrase: status --json');
    console.log(`  ssh -p ${connection.port} -i ${connection.keyFile} root@${connection.host}`);
  }
  if (found.virtualMachines.length > 0) console.log('VMs:');
  for (const vm of found.virtualMachines) console.log(`  ${vm.uuid}  ${vm.state.padEnd(9)} ${vm.name}: ${vm.about}`);
  for (const { version, daemons, port, virtualMachines } of found.versions) {
    const processes = Object.entries(daemons).map(([name, pid]) => `${name} process ${pid}`);
    console.log(`libvirt ${version}: ${processes.join(', ')}; SSH port ${port ?? '(none)'}, root by key`);
    for (const vm of virtualMachines) console.log(`  ${vm.uuid}  ${vm.state.padEnd(9)} ${vm.name}`);
  }
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      yes: { type: 'boolean' },
      json: { type: 'boolean' },
      port: { type: 'string' },
      'all-versions': { type: 'boolean' },
      version: { type: 'string' },
      purge: { type: 'boolean' },
    },
  });
  const version = knownVersions.find((each) => each === values.version);
  if (values.version !== undefined && version === undefined) throw new Error(usage);
  const versions = values['all-versions'] === true ? allVersions : version === undefined ? undefined : [version];
  const [verb, bed, name] = positionals;
  if (bed !== 'libvirt') throw new Error(usage);
  switch (verb) {
    case 'up':
      await up({ yes: values.yes === true, port: Number(values.port ?? 0), versions: versions ?? [] });
      print(await status());
      return;
    case 'down':
      await down({ purge: values.purge === true, ...(versions && { versions }) });
      console.log(versions === undefined ? 'Testbed libvirt: down' : `libvirt ${versions.join(', ')}: down`);
      return;
    case 'status': {
      const found = await status();
      if (values.json === true) console.log(JSON.stringify(found, undefined, 2));
      else print(found);
      return;
    }
    case 'reset':
      if (name === undefined) throw new Error(usage);
      await resetVirtualMachine(name, version);
      return;
    default:
      throw new Error(usage);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
