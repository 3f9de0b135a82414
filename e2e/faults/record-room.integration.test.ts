/** Records that are written back while the room of a host goes: libvirt gives them up, and they are saved out of room that was kept. */
import { expect, test, vi } from 'vitest';
import { ModelHost, vmSpecs } from '../model/model-host.fixtures.ts';
import { onEachLibvirt } from '../testbeds/each-libvirt.ts';
import * as testbed from '../testbeds/index.ts';
import { quoteCommand } from '../../electron/hosts/commands/quoting.ts';
import { vm } from '../../shared/model/inventory.fixtures.ts';
import { describeArgv } from '../../electron/hypervisors/libvirt/plan/records/rewrite-record.ts';

vi.setConfig({ testTimeout: 120_000 });
const [one] = vmSpecs;
const uuid = one?.uuid ?? '';

/** Stands before virsh, and lets nothing be free where libvirt writes when a record is about to be written. */
const filling = `#!/bin/sh
if [ "\${3:-}" = snapshot-create ] && [ ! -e /run/filled ]; then
  : >/run/filled
  used=$(df -k --output=used /var/lib/libvirt | tail -n 1)
  mount -o "remount,size=$((used))k" /var/lib/libvirt || exit 1
fi
exec /usr/bin/virsh "$@"
`;

onEachLibvirt(
  (version) => {
    test('a record that libvirt cannot save is not lost, and stays the current one', async () => {
      await testbed.up();
      const host = await ModelHost.start(version);
      const { secluded } = host;
      try {
        await host.furnish();
        const virsh = 'virsh -q -c qemu:///system';
        await secluded.sh(`${virsh} snapshot-create-as ${uuid} first; ${virsh} snapshot-create-as ${uuid} second`);
        // That of 9.0 may break down once it has given up a record: it is started anew, as on a host by its init, and reads the files.
        await secluded.sh('(while sleep 0.2; do pgrep -x libvirtd || libvirtd -d; done) >/dev/null 2>&1 &');
        await secluded.sh(`mkdir /run/tools; cat >/run/tools/virsh <<'END'\n${filling}END\nchmod 755 /run/tools/virsh`);
        const context = { uri: 'qemu:///system', vm: vm({ uuid }) } as Parameters<typeof describeArgv>[2];
        for (const name of ['first', 'second']) {
          const step = quoteCommand(describeArgv(name, 'told anew', context));
          const printed = await secluded.sh(`rm -f /run/filled; PATH=/run/tools:$PATH; ${step} 2>&1 || :`);
          expect(host.fileExists('/run/filled'), name).toBe(true);
          await secluded.sh('mount -o remount,size=1g /var/lib/libvirt');
          expect(await secluded.sh(`${virsh} snapshot-dumpxml ${uuid} ${name}`)).toContain(
            printed.includes('It is what it was.') ? `<name>${name}</name>` : 'told anew',
          );
        }
        const { snapshots, current } = (await host.facts()).get(uuid) ?? {};
        expect(snapshots && [...snapshots]).toEqual([
          ['first', null],
          ['second', 'first'],
        ]);
        expect(current).toBe('second');
        expect(await secluded.sh('ls -A /var/lib/libvirt/qemu')).not.toContain('snaptree');
      } finally {
        await host.stop();
      }
    });
  },
  { sampled: true },
);
