/** The reading of a real libvirt, of every version that is up. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import { asUser, createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { readingSuite, type ReadingHost } from './reading.fixtures.ts';

onEachLibvirt((version) => {
  readingSuite(realHost(version));
});

function realHost(version: testbed.LibvirtVersion): ReadingHost {
  const place = testbed.placeOf(version);
  const runner = createLocalRunner(place.root);
  const specOf = (name: string) => ({ name, disks: [{ target: 'vda' }], version });
  const folders: string[] = [];

  return {
    async up() {
      await testbed.up();
    },
    down: () => Promise.resolve(),
    runner: () => runner,
    createVirtualMachine: (name) => testbed.createVirtualMachine(specOf(name)),
    deleteVirtualMachine: (name) => testbed.deleteVirtualMachine(specOf(name)),
    virsh: (argv, options) => testbed.virsh(argv, { version, expect: options?.mayFail === true ? [0, 1] : [0] }),
    fixtures: {
      names: testbed.fixtures.map(({ spec }) => spec.name),
      hostileName: testbed.hostileName,
      hostileSnapshotNames: testbed.hostileSnapshotNames,
      treeDescription: testbed.treeDescription,
      treeName: (name) => testbed.treeName(name, version),
      thinBase: () => testbed.thinBaseAt(version),
    },
    fixture: (name) => testbed.fixtureVirtualMachine(name, version),
    resetFixture: (name) => testbed.resetVirtualMachine(name, version),
    virshWithXml: (argv, xml) => testbed.virshWithXml(argv, xml, [], { version }),
    qemuImg: (argv) => run('qemu-img', argv),
    rename(from, to) {
      renameSync(from, to);
      return Promise.resolve();
    },
    stateOf: (uuid) => testbed.stateOf(uuid, version),
    activeImage: ({ name }, target) => testbed.activeImage(testbed.fixtureVirtualMachine(name, version), target),
    internalSnapshotsOf: testbed.internalSnapshotsOf,
    withoutVirsh: () => ({
      ...runner,
      runScript: (script) => runner.runScript({ ...script, script: `PATH=/nonexistent\n${script.script}` }),
    }),
    accounts: {
      outsider: () => asUser(runner, testbed.accounts.outsider),
      operator: () => asUser(runner, testbed.accounts.operator),
    },
    testDriver: {
      uriOf(nodeXml) {
        const folder = mkdtempSync(join(place.images, 'snaptree-read-'));
        folders.push(folder);
        const file = join(folder, 'node.xml');
        writeFileSync(file, nodeXml);
        return `test://${file}`;
      },
      remove() {
        for (const folder of folders) rmSync(folder, { recursive: true });
      },
    },
  };
}
