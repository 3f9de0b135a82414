/** Looking at a host from outside, before anybody logs in: its name, its port, and whether SSH answers there. */
import { lookup } from 'node:dns/promises';
import { createConnection, isIP } from 'node:net';
import { whenAborted } from '../base/abort.ts';
import { systemErrorCode } from '../store/files.ts';

/** What was found, in a sentence; `remedy` where something is wrong. */
export type Finding =
  | { readonly ok: true; readonly message: string }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

const limitMs = 10_000;
/** A server may say some lines before its version (RFC 4253, 4.2); so much of them is read. */
const longestGreeting = 8192;

type Lookup = (name: string) => Promise<readonly string[]>;

const systemLookup: Lookup = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** Looks up a name as connecting does: through the system, hosts file and search domains included. */
export async function findAddresses(name: string, find: Lookup = systemLookup): Promise<Finding> {
  if (isIP(name) !== 0) return { ok: true, message: `${name} is an address; there is no name to look up.` };
  try {
    const addresses = await find(name);
    return { ok: true, message: `${name} is ${[...new Set(addresses)].join(', ')}.` };
  } catch (error) {
    if (systemErrorCode(error) === 'EAI_AGAIN') {
      return {
        ok: false,
        message: `The name service does not answer, so the address of ${name} is not known.`,
        remedy: "Check this computer's network, VPN and name servers, or enter the host's IP address.",
      };
    }
    const isShort = !name.includes('.');
    return {
      ok: false,
      message: `The name ${name} is not known to the name service.`,
      remedy: isShort
        ? `Check the spelling. The name has no domain: enter the whole name (such as ${name}.example.org), add the domain to this computer's search domains, or enter the IP address. An alias of ~/.ssh/config is known to the system's OpenSSH only.`
        : 'Check the spelling, or enter the IP address.',
    };
  }
}

const reasons: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  ECONNREFUSED: [
    'refuses connections: nothing listens there',
    'Check the port, and that the SSH server runs (systemctl status ssh, or sshd). A firewall may refuse as well.',
  ],
  EHOSTUNREACH: ['cannot be reached: no route leads there', 'Check the address, the network and the VPN.'],
  ENETUNREACH: ['cannot be reached: this computer has no way into that network', 'Check the network and the VPN.'],
  ECONNRESET: [
    'takes the connection and ends it at once',
    'The host may refuse this computer (a firewall, fail2ban, hosts.deny) or be overloaded (MaxStartups): see the log of its SSH server.',
  ],
};

/** Connects to a port and reads what the server says first. `signal` gives up. */
export function findSshServer(
  address: string,
  port: number,
  signal: AbortSignal,
  timeoutMs: number = limitMs,
): Promise<Finding> {
  const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    let connected = false;
    let said = '';
    const settle = (finding: Finding) => {
      clearTimeout(timer);
      stopListening();
      socket.destroy();
      resolve(finding);
    };
    const fail = (message: string, remedy: string) => {
      settle({ ok: false, message: `${place} ${message}.`, remedy });
    };
    const timer = setTimeout(() => {
      const seconds = timeoutMs / 1000;
      if (connected) {
        fail(
          `takes the connection but says nothing for ${seconds} seconds`,
          'Something else than SSH may listen there, or the host hangs: check the port, and look at the host.',
        );
      } else {
        fail(
          `does not answer within ${seconds} seconds`,
          'A firewall drops the packets, or the host is off: check address and port, the firewall, and that the host runs.',
        );
      }
    }, timeoutMs);
    const stopListening = whenAborted(signal, () => {
      fail('was not waited for', 'Try again.');
    });
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('error', (error) => {
      const known = reasons[systemErrorCode(error) ?? ''];
      fail(known?.[0] ?? `cannot be reached (${error.message})`, known?.[1] ?? 'Check address, port and network.');
    });
    socket.on('data', (data) => {
      said += data.toString('latin1');
      const version = /^SSH-[\d.]+-[ -~]*/m.exec(said)?.[0];
      if (version !== undefined && said.includes('\n')) {
        settle({ ok: true, message: `An SSH server answers at ${place} (${version}).` });
      } else if (said.length > longestGreeting || /^(HTTP|220 |<|\* OK|\+OK)/.test(said)) {
        fail(
          'is no SSH server',
          'Another service listens there: check the port (22 unless sshd_config says otherwise).',
        );
      }
    });
    socket.on('close', () => {
      if (said === '') fail(...(reasons['ECONNRESET'] ?? ['ended the connection', 'Try again.']));
      else
        fail(
          'is no SSH server',
          'Another service listens there: check the port (22 unless sshd_config says otherwise).',
        );
    });
  });
}
