/** Asks the agent in a guest whether it can freeze, and what. */
import type { GuestAgent } from '../../../../shared/model/guest-agent.ts';
import { quoteArgument } from '../../../hosts/commands/quoting.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';

/** How long the agent may take for an answer, in seconds. */
const patience = 5;
/** What a guest says is bounded here, whatever it sends. */
const mostBytes = 100_000;

/**
 * A word for the state in the first line, then what was said. It is asked by `qemu-agent-command` because that alone has a time limit of
 * its own, and because no command of virsh asks for guest-fsfreeze-status.
 */
const scriptFor = (uri: string, vmUuid: string): string => `
uri=${quoteArgument(uri)} vm=${quoteArgument(vmUuid)}
agent() { LC_ALL=C virsh -c "$uri" qemu-agent-command "--domain=$vm" --timeout=${patience} "{\\"execute\\":\\"$1\\"}" 2>&1; }
line() { printf '%s' "$1" | tr '\\n' ' ' | head -c ${mostBytes}; echo; }
answer() { echo "$1"; line "$2"; exit 0; }
xml=$(LC_ALL=C virsh -c "$uri" dumpxml "--domain=$vm" 2>&1) || answer silent "$xml"
channel=$(printf '%s\\n' "$xml" | grep "<target type='virtio' name='org.qemu.guest_agent.0'")
says() { printf '%s\\n' "$1" | grep -qF -e "$2"; }
[ -n "$channel" ] || answer noChannel ''
says "$channel" "state='connected'" || answer notConnected ''
status=$(agent guest-fsfreeze-status) || {
  ! says "$status" 'unable to execute QEMU agent command' || answer unable "$status"
  answer silent "$status"
}
! says "$status" '"frozen"' || answer frozen ''
echo thawed
line "$(agent guest-info)"
line "$(agent guest-get-fsinfo)"
`;

/** Throws what the runner throws. */
export async function askGuestAgent(
  runner: CommandRunner,
  uri: string,
  vmUuid: string,
  signal?: AbortSignal,
): Promise<GuestAgent> {
  const { stdout } = await runner.runScript({
    script: scriptFor(uri, vmUuid),
    title: `ask the guest agent on ${runner.hostName}`,
    ...(signal && { signal }),
  });
  return guestAgentFrom(stdout);
}

/** From what the script printed. */
export function guestAgentFrom(stdout: string): GuestAgent {
  const [word = '', first = '', second = ''] = stdout.split('\n');
  switch (word) {
    case 'noChannel':
    case 'notConnected':
    case 'frozen':
      return { state: word, fileSystems: [], detail: null };
    case 'silent':
    case 'unable':
      return { state: word, fileSystems: [], detail: wordsOf(first) };
    case 'thawed':
      return mayFreeze(first)
        ? { state: 'ready', fileSystems: mountPoints(second), detail: null }
        : { state: 'unable', fileSystems: [], detail: 'guest-fsfreeze-freeze is not allowed' };
    default:
      return { state: 'silent', fileSystems: [], detail: null };
  }
}

/** virsh begins each line of an error with that word. */
function wordsOf(text: string): string | null {
  const words = text.replaceAll(/\berror: /g, '').trim();
  return words === '' ? null : words.replace(/\.$/, '').slice(0, 2000);
}

/** What `guest-info` says of the command that freezes; where it cannot be read, freezing itself will tell. */
function mayFreeze(information: string): boolean {
  const commands = memberOf(returnOf(information), 'supported_commands');
  if (!Array.isArray(commands)) return true;
  return commands.some(
    (command) => memberOf(command, 'name') === 'guest-fsfreeze-freeze' && memberOf(command, 'enabled') !== false,
  );
}

function mountPoints(information: string): string[] {
  const found = returnOf(information);
  if (!Array.isArray(found)) return [];
  const points = found.flatMap((each) => {
    const point = memberOf(each, 'mountpoint');
    return typeof point === 'string' && point.length <= 200 ? [point] : [];
  });
  return [...new Set(points)].sort().slice(0, 100);
}

function returnOf(text: string): unknown {
  try {
    return memberOf(JSON.parse(text), 'return');
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
