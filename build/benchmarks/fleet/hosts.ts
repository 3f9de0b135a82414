/**
 * A process that is all hosts of the fleet: it answers scripts with what the one real host answered to the same script,
 * in which that host's number is replaced by that of the host that is asked. Takes a `HostsTask` as JSON in its argument;
 * prints `ready`. Ends with its stdin.
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { createLocalRunner } from '../../../electron/hosts/commands/local-runner.fixtures.ts';
import { hostNumber, makeTemplateHost, templateNumber, type HostSize } from './recorded-host.ts';

export interface HostsTask {
  readonly folder: string;
  readonly socket: string;
  readonly size: HostSize;
  /** Whether libvirt's files can be seen, so that one checksum says that nothing changed. */
  readonly withStamps: boolean;
}

/** What is sent to the socket, which is then closed for writing; the answer is what the script printed. */
export interface Question {
  readonly host: number;
  readonly script: string;
  /** Whether the real host is asked before or after it changed. */
  readonly changed: boolean;
}

const task = JSON.parse(process.argv[2] ?? '') as HostsTask;
const template = makeTemplateHost(task.folder, task.size);
const runner = createLocalRunner();
const recordings = new Map<string, Promise<string>>();
const noncePattern = /frame-[0-9a-f]{32}/;
const recordedNonce = 'recorded-nonce';
/** The beginnings of images, as the walk over them sends them (electron/images/scan). */
const headersInBase64 = new RegExp(`(?<=^${recordedNonce} headers\n)[A-Za-z0-9+/=\n]+?(?=\n${recordedNonce} )`, 'gm');
let isChanged = false;

function answerOf({ host, script, changed }: Question): Promise<string> {
  const number = hostNumber(host);
  const nonce = noncePattern.exec(script)?.[0];
  if (nonce === undefined) throw new Error('A script has no nonce.');
  const asked = script.replaceAll(nonce, recordedNonce).replaceAll(number, templateNumber);
  const key = `${changed ? 'changed' : 'first'} ${asked}`;
  let recording = recordings.get(key);
  if (recording === undefined) {
    recording = record(script.replaceAll(number, templateNumber), nonce, changed);
    recordings.set(key, recording);
  }
  return recording.then((text) => renumbered(text, number).replaceAll(recordedNonce, nonce));
}

/** The names of backing images stand in the beginnings of images, too. */
function renumbered(text: string, number: string): string {
  const inBytes = (headers: string): string => {
    const bytes = Buffer.from(headers, 'base64').toString('latin1');
    return Buffer.from(bytes.replaceAll(templateNumber, number), 'latin1').toString('base64');
  };
  return text.replaceAll(templateNumber, number).replaceAll(headersInBase64, inBytes);
}

async function record(script: string, nonce: string, changed: boolean): Promise<string> {
  if (changed !== isChanged) {
    template.write(changed);
    isChanged = changed;
  }
  const { stdout } = await runner.runScript({
    script,
    title: 'Recording',
    timeoutSeconds: 600,
    maximumOutputBytes: 1024 ** 3,
  });
  const text = stdout.replaceAll(nonce, recordedNonce);
  return task.withStamps ? text : text.replace(/(\n\S+ stamp\n)[^\n]*/, '$1');
}

createServer({ allowHalfOpen: true }, (socket) => {
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  socket.on('end', () => {
    const question = JSON.parse(Buffer.concat(pieces).toString()) as Question;
    void answerOf(question).then((text) => {
      socket.end(text);
    });
  });
}).listen(task.socket, () => {
  console.log(`ready ${template.uri}`);
});
createInterface({ input: process.stdin }).on('close', () => process.exit(0));
