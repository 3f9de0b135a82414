/** virsh's commands that go to the agent in a guest, in the words of libvirt 9.0 and qemu-ga 7.2. */
import { settle } from './block-jobs.ts';
import { LibvirtError, type LiveVm, type Vm } from './model.ts';
import { domain, value, vmFor, type Call, type Command } from './virsh-call.ts';
import { changeVm } from './world.ts';

const notResponding = (): LibvirtError =>
  new LibvirtError('Guest agent is not responding: Guest agent not available for now');

/** How long libvirt waits for an agent to be in step with it, before it sends it anything (`guest-sync`). */
const syncSeconds = 5;
/** How long an agent hangs that gets stuck. */
const hangSeconds = 75;

function running({ live }: Vm): LiveVm {
  if (live?.state === 'running') return live;
  throw new LibvirtError('Requested operation is not valid: domain is not running');
}

/** The VM's agent, where it answers; waits for it otherwise, as libvirt does. */
async function answering(call: Call): Promise<LiveVm> {
  const { guest, uuid } = vmFor(call);
  const live = running(vmFor(call));
  if (!live.definition.hasAgentChannel) {
    throw new LibvirtError('argument unsupported: QEMU guest agent is not configured');
  }
  if (guest.agent === 'notConnected') {
    throw new LibvirtError('Guest agent is not responding: QEMU guest agent is not connected');
  }
  const hangsFor = guest.agent === 'silent' ? Infinity : (live.agentHangsFor ?? 0);
  if (hangsFor === 0) return live;
  await waitFor(call, uuid, Math.min(hangsFor, syncSeconds));
  if (hangsFor > syncSeconds) throw notResponding();
  return running(vmFor(call));
}

async function waitFor(call: Call, uuid: string, seconds: number): Promise<void> {
  await call.host.work(seconds * 1000);
  const { live } = vmFor(call);
  if (live?.agentHangsFor === undefined) return;
  changeVm(call.host.world, uuid, { live: { ...live, agentHangsFor: Math.max(0, live.agentHangsFor - seconds) } });
}

const refusal = (command: string, why: string): LibvirtError =>
  new LibvirtError(`internal error: unable to execute QEMU agent command '${command}': ${why}`);

const refusedWhileFrozen = (command: string): LibvirtError =>
  refusal(command, `Command ${command} has been disabled: the agent is in frozen state`);

/** Freezes; gives how many file systems. @param patience how many seconds it is waited for */
async function freeze(call: Call, patience: number): Promise<number> {
  const live = await answering(call);
  const { uuid, guest } = vmFor(call);
  const { world } = call.host;
  if (live.frozen === true) throw refusedWhileFrozen('guest-fsfreeze-freeze');
  if (guest.agent === 'refuses') throw refusal('guest-fsfreeze-freeze', 'fsfreeze hook has failed with status 1');
  if (guest.agent === 'stuck') {
    settle(world);
    changeVm(world, uuid, { live: { ...running(vmFor(call)), frozen: true, agentHangsFor: hangSeconds } });
    await waitFor(call, uuid, Math.min(patience, hangSeconds));
    if (patience < hangSeconds) throw notResponding();
    return fileSystems(live);
  }
  await call.host.work(300);
  settle(world);
  changeVm(world, uuid, { live: { ...running(vmFor(call)), frozen: true } });
  return fileSystems(live);
}

async function thaw(call: Call): Promise<number> {
  const live = await answering(call);
  if (live.frozen !== true) return 0;
  await call.host.work(300);
  settle(call.host.world);
  changeVm(call.host.world, vmFor(call).uuid, { live: { ...running(vmFor(call)), frozen: false } });
  return fileSystems(live);
}

const fileSystems = ({ definition }: LiveVm): number =>
  definition.disks.filter(({ device }) => device === 'disk').length;

/** What the agent answers to a command that changes nothing. */
function answerOf(name: string, live: LiveVm): unknown {
  switch (name) {
    case 'guest-ping':
      return {};
    case 'guest-fsfreeze-status':
      return live.frozen === true ? 'frozen' : 'thawed';
    case 'guest-info':
      return {
        version: '7.2.22',
        supported_commands: ['guest-fsfreeze-freeze', 'guest-fsfreeze-thaw', 'guest-fsfreeze-status'].map((each) => ({
          enabled: true,
          name: each,
          'success-response': true,
        })),
      };
    case 'guest-get-fsinfo':
      if (live.frozen === true) throw refusedWhileFrozen(name);
      return live.definition.disks
        .filter(({ device }) => device === 'disk')
        .map(({ target }, index) => ({
          name: `${target}1`,
          mountpoint: index === 0 ? '/' : `/srv/${target}`,
          type: 'ext4',
        }));
    default:
      throw refusal(name, `The command ${name} has not been found`);
  }
}

async function agentCommand(call: Call): Promise<void> {
  const name = /"execute":\s*"([\w-]+)"/.exec(value(call.command, 'cmd'))?.[1] ?? '';
  const patience = Number(value(call.command, 'timeout') || String(syncSeconds));
  const answer = async (): Promise<unknown> => {
    if (name === 'guest-fsfreeze-freeze') return freeze(call, patience);
    if (name === 'guest-fsfreeze-thaw') return thaw(call);
    return answerOf(name, await answering(call));
  };
  call.print(`${JSON.stringify({ return: await answer() })}\n`);
  call.remark('\n');
}

const changeAll =
  (said: { readonly done: string; readonly failed: string }, change: (call: Call) => Promise<number>) =>
  async (call: Call): Promise<void> => {
    try {
      call.print(`${said.done} ${await change(call)} filesystem(s)\n\n`);
    } catch (thrown) {
      if (!(thrown instanceof LibvirtError)) throw thrown;
      throw new LibvirtError(`Unable to ${said.failed} filesystems`, ...thrown.lines);
    }
  };

export const agentCommands: readonly (readonly [string, Command])[] = [
  [
    'qemu-agent-command',
    {
      positional: ['domain', 'cmd'],
      values: ['timeout'],
      flags: ['async', 'block', 'pretty'],
      required: ['domain', 'cmd'],
      run: agentCommand,
    },
  ],
  ['domfsfreeze', { ...domain, run: changeAll({ done: 'Froze', failed: 'freeze' }, (call) => freeze(call, Infinity)) }],
  ['domfsthaw', { ...domain, run: changeAll({ done: 'Thawed', failed: 'thaw' }, thaw) }],
];
