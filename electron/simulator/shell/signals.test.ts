/** Steps in sessions of their own on a simulated host: signals end them, and how far qemu-img is, is told. */
import { beforeEach, expect, it } from 'vitest';
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import { addVm, gibibyte, imageHolds } from '../furnish.ts';
import { newImage } from '../images/disk-image.ts';
import { createMachine, type Machine } from '../machine.ts';
import { runShell } from './shell.ts';

let machine: Machine;

async function sh(script: string): Promise<string> {
  let said = '';
  const add = (bytes: Buffer) => {
    said += bytes.toString();
  };
  await runShell(machine, 'sh -s', script, { stdout: add, stderr: add });
  return said;
}
const text = (path: string) => new TextDecoder().decode(machine.files.fileAt(path)?.bytes ?? new Uint8Array());
/** Begins a script in a session of its own; /step/exit has its exit code. */
const begin = (script: string) =>
  sh(`
mkdir -p /step
setsid sh -c 'export SNAPTREE_STEP=/step; (exec sh -c "$1"); echo $? >/step/exit' shell ${quoteArgument(script)} &`);
/** As abortJob of the product does it: everything in the session but the shell that waits. */
const terminate = () =>
  sh(`
for file in /proc/[0-9]*/stat; do
  read -r line <"$file" || continue
  set -- $line
  if [ "$6" != 1 ] && [ "$6" != "$1" ]; then kill -TERM "$1"; fi
done`);
const exitCode = () => expect.poll(() => text('/step/exit'), { timeout: 10_000, interval: 20 });

beforeEach(() => {
  machine = createMachine({
    name: 'alder',
    pace: 0,
    filesystems: [{ mountPoint: '/', device: '/dev/vda1', totalBytes: 100 * gibibyte, otherBytes: 0 }],
  });
});

it('end a command, and the shell that waits for it goes on', async () => {
  await begin('echo begun >/step/log; while :; do sleep 1; done');
  await expect.poll(() => text('/step/log')).toBe('begun\n');
  await terminate();
  await exitCode().toBe('143\n');
});

it('are told to a script that set a trap, and it ends as it likes', async () => {
  await begin(
    'given=no; trap "given=yes" TERM; echo begun >/step/log; while [ $given = no ]; do sleep 1; done; exit 7',
  );
  await expect.poll(() => text('/step/log')).toBe('begun\n');
  await terminate();
  await exitCode().toBe('7\n');
});

it('leave nothing to a command of virsh that waited', async () => {
  const { uuid } = addVm(machine, { name: 'v', running: true });
  const held = machine.faults.addToVirsh({ command: 'destroy', effect: 'hold' });
  await begin('virsh destroy v');
  await held.reached();
  await terminate();
  await exitCode().toBe('143\n');
  held.remove();
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
  expect(machine.world.state.vms.find((vm) => vm.uuid === uuid)?.live).not.toBeNull();
});

it('is told how far qemu-img is while it copies, and a copy that was ended changed nothing', async () => {
  machine = createMachine({
    name: 'alder',
    pace: 1,
    filesystems: [{ mountPoint: '/', device: '/dev/vda1', totalBytes: 100 * gibibyte, otherBytes: 0 }],
  });
  const put = (path: string, backing: string | null, megabytes: number, byte: number) => {
    machine.files.putImage(
      path,
      newImage({
        virtualBytes: gibibyte,
        backing: backing === null ? null : { file: backing, format: 'qcow2' },
        content: [{ start: 0, end: megabytes * 1024 ** 2, byte }],
      }),
    );
  };
  put('/a', null, 100, 1);
  put('/b', '/a', 50, 2);
  put('/c', '/b', 150, 3);
  const written = { start: 0, end: 150 * 1024 ** 2, byte: 3 };
  await begin('qemu-img commit -p -d -f qcow2 -b /a -- /c');
  await expect.poll(() => text('/step/progress'), { interval: 20 }).toMatch(/^\d{7,9} 157286400\n$/);
  await terminate();
  await exitCode().toBe('143\n');
  expect(imageHolds(machine, '/a', written)).toBe(false);
  await sh('rm /step/exit');
  await begin('qemu-img commit -p -d -f qcow2 -b /a -- /c');
  await exitCode().toBe('0\n');
  expect(imageHolds(machine, '/a', written)).toBe(true);
  expect(imageHolds(machine, '/b', { ...written, end: 50 * 1024 ** 2, byte: 2 })).toBe(true);
});
