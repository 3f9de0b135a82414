/** virsh's commands that go to the agent in a guest, in the words of libvirt 9.0 and qemu-ga 7.2. */
import { LibvirtError, type LiveVm, type Vm } from './model.ts';
import { changed, domain, introduced, value, vmFor, type Call, type Command } from './virsh-call.ts';
import { changeVm, type World } from './world.ts';

const notResponding = 'Guest agent is not responding: Guest agent not available for now';

/** The VM's agent, where it answers. */
function answering({ live, guest: { agent } }: Vm): LiveVm {
  if (!live) throw new LibvirtError('Requested operation is not valid: domain is not running');
  if (!live.definition.hasAgentChannel)
    throw new LibvirtError('argument unsupported: QEMU guest agent is not configured');
  if (agent === 'notConnected') {
    throw new LibvirtError('Guest agent is not responding: QEMU guest agent is not connected');
  }
  const isStuck = agent === 'silent' || (agent === 'stuck' && live.frozen === true);
  if (isStuck || live.state === 'paused') throw new LibvirtError(notResponding);
  return live;
}

const refusedWhileFrozen = (command: string): LibvirtError =>
  new LibvirtError(
    `internal error: unable to execute QEMU agent command '${command}': Command ${command} has been disabled: the agent is in frozen state`,
  );

/** Freezes or thaws; gives how many file systems. */
function setFrozen(world: World, vm: Vm, frozen: boolean): number {
  const live = answering(vm);
  const isFrozen = live.frozen === true;
  if (frozen && isFrozen) throw refusedWhileFrozen('guest-fsfreeze-freeze');
  if (frozen === isFrozen) return 0;
  changeVm(world, vm.uuid, { live: { ...live, frozen } });
  return live.definition.disks.filter(({ device }) => device === 'disk').length;
}

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
      throw new LibvirtError(
        `internal error: unable to execute QEMU agent command '${name}': The command ${name} has not been found`,
      );
  }
}

async function agentCommand(call: Call): Promise<void> {
  const text = value(call.command, 'cmd');
  const name = /"execute":\s*"([\w-]+)"/.exec(text)?.[1] ?? '';
  const reply = (answer: unknown) => {
    call.print(`${JSON.stringify({ return: answer })}\n`);
    call.remark('\n');
  };
  if (name === 'guest-fsfreeze-freeze' || name === 'guest-fsfreeze-thaw') {
    await changed(call, 300, (world, vm) => {
      reply(setFrozen(world, vm, name === 'guest-fsfreeze-freeze'));
    });
    return;
  }
  reply(answerOf(name, answering(vmFor(call))));
}

const filesystems =
  (frozen: boolean): Command['run'] =>
  (call) =>
    changed(call, 300, (world, vm) => {
      introduced(
        call,
        () => `Unable to ${frozen ? 'freeze' : 'thaw'} filesystems`,
        () => {
          call.print(`${frozen ? 'Froze' : 'Thawed'} ${setFrozen(world, vm, frozen)} filesystem(s)\n\n`);
        },
      );
    });

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
  ['domfsfreeze', { ...domain, run: filesystems(true) }],
  ['domfsthaw', { ...domain, run: filesystems(false) }],
];
