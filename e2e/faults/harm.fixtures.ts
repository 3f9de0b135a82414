/** What goes wrong with an operation at a moment at which it stands still, and how it is put right. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { vmSpecs, type ModelVmSpec } from '../model/model-host.fixtures.ts';
import { TestbedApplication } from '../testbeds/testbed-application.fixtures.ts';
import type { FaultHost, FaultServer } from './fault-host.fixtures.ts';
import { theirs } from './judge.fixtures.ts';
import { scrambled, type Cell, type FaultKind } from './matrix.fixtures.ts';
import { overlayOf, vmUuid } from './scenes.fixtures.ts';

const [one] = vmSpecs as readonly [ModelVmSpec];
const aDay = 86_400;

interface Stage {
  readonly server: FaultServer;
  readonly host: FaultHost;
  readonly application: TestbedApplication;
  readonly plan: Plan;
  /** Of the operation. */
  readonly id: string;
}

/** Gives what should not have been possible, each in a sentence. */
export async function doHarm(stage: Stage, cell: Cell): Promise<readonly string[]> {
  const { host, server } = stage;
  const { fault, moment } = cell;
  switch (fault) {
    case 'sshCut':
      server.ssh.dropConnections();
      return [];
    case 'snaptreeKilled':
      throw new Error('It is not killed from here.');
    case 'libvirtdRestarted':
      await host.restartLibvirtd();
      return [];
    case 'qemuKilled':
      await host.killQemu(one);
      await host.killCopiers();
      return [];
    case 'stepKilled':
      await host.killStep();
      return [];
    case 'storageFull':
      await host.fill('storage');
      return [];
    case 'hostFull':
      await host.fill('all');
      return [];
    case 'clockJump': {
      // One of them a day ahead, the other before the procedure was planned.
      const ahead = moment.step % 2 === 0 ? aDay : -aDay;
      host.setClock(ahead);
      shiftClock(-ahead);
      return [];
    }
    case 'permissionDenied':
      host.setDenied(true);
      return [];
    case 'secondAdministrator':
      await beSecondAdministrator(stage, cell);
      return [];
    case 'startedTwice':
      return startAgain(stage);
    case 'journalFlipped':
      return flipBit(stage, cell);
  }
}

/** What was wrong is put right, as whoever administers the host would. */
export async function mend(host: FaultHost, fault: FaultKind): Promise<void> {
  if (fault === 'storageFull' || fault === 'hostFull') await host.makeRoom();
  if (fault === 'permissionDenied') host.setDenied(false);
  if (fault === 'clockJump') {
    host.setClock(0);
    shiftClock(0);
  }
}

/** They take a snapshot, start the VM or end it, or end what copies: whether that is refused is libvirt's affair. */
async function beSecondAdministrator({ host }: Stage, { moment, procedure }: Cell): Promise<void> {
  const virsh = (line: string) =>
    host.secluded.sh(`timeout 20 /usr/bin/virsh -q -c qemu:///system ${line} 2>/dev/null || :`);
  if (moment.when === 'copying') {
    const how = scrambled(procedure.length) % 2 === 0 ? '--abort' : '--pivot';
    for (const target of one.targets) await virsh(`blockjob ${vmUuid} ${target} ${how}`);
    // One that stands still, to be caught, takes notice when it goes on.
    await host.secluded.sh('pkill -TERM -x qemu-img && pkill -CONT -x qemu-img || :');
    return;
  }
  const state = (await host.facts()).get(vmUuid)?.state;
  const disks = one.targets.map((target) => `--diskspec ${target},snapshot=external,file=${overlayOf(target, theirs)}`);
  await virsh(
    moment.step % 2 === 0
      ? `snapshot-create-as ${vmUuid} ${theirs} --disk-only --atomic ${disks.join(' ')}`
      : `${state === 'shut off' ? 'start' : 'destroy'} ${vmUuid}`,
  );
}

/** By the same Snaptree, and by another one: the VM is locked until the first has ended, and nothing is begun. */
async function startAgain({ server, application, plan, id }: Stage): Promise<readonly string[]> {
  // What is held is only what the first one does next.
  rmSync(server.holdFile, { force: true });
  const other = await TestbedApplication.open(server.ssh, server.connection);
  const begun: string[] = [];
  const begin = async (who: TestbedApplication, make: () => Promise<Plan>) => {
    try {
      const second = await make();
      if (second.refusals.length > 0) return;
      const secondId = await who.begin(second);
      if (application.operation(id).endedAt === null) begun.push('The same was begun a second time.');
      await who.bringToEnd(secondId, ['resume', 'undo', 'forget'], 60_000);
    } catch (error) {
      if (!SnaptreeError.is(error)) throw error;
    }
  };
  try {
    await begin(application, () => Promise.resolve(plan));
    await begin(other, () => other.plan(plan.request));
    return begun;
  } finally {
    await other.close();
  }
}

/** While Snaptree does not run. Afterwards it knows the operation still, and says that nothing is left of it only where that had been written. */
async function flipBit({ server, application, id }: Stage, { moment, procedure }: Cell): Promise<readonly string[]> {
  rmSync(server.holdFile, { force: true });
  await application.leave();
  const journals = join(application.folder, 'journal');
  const file = readdirSync(journals).find((name) => name.startsWith(id)) ?? '';
  const bytes = readFileSync(join(journals, file));
  const hadEnded = bytes.includes('"type":"cleanedUp"');
  const bit = scrambled(bytes.length * 31 + moment.step + procedure.length) % (bytes.length * 8);
  bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  writeFileSync(join(journals, file), bytes);
  await application.start();
  await application.ask('hosts.connect', { hostId: application.hostId });
  const unreadable = application.unreadable(id);
  if (!unreadable) return application.operations().some((each) => each.id === id) ? [] : ['Nobody knows it any more.'];
  return unreadable.state === 'ended' && !hadEnded ? [`It had not ended, and is said to: ${unreadable.message}`] : [];
}

const realNow = Date.now.bind(Date);

/** The clock of the computer that Snaptree runs on. */
function shiftClock(seconds: number): void {
  Date.now = () => realNow() + seconds * 1000;
}
