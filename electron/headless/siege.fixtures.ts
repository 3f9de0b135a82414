/**
 * The browser shell in a process that may open few descriptors: `siege.fixtures.ts RENDERER DATA`. Prints its address; for
 * each line on stdin it adds a host and a record of a journal, and prints what became of that.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hostSettings } from '../../shared/model/host.fixtures.ts';
import { createLog } from '../base/log.ts';
import { stubHandlers } from '../ipc/stub-handlers.fixtures.ts';
import { FakeHost, planFor } from '../operations/fake-host.fixtures.ts';
import { readStaticFiles } from '../page/static-files.ts';
import { openHostBook } from '../store/host-book.ts';
import { journalVersion } from '../store/journal-records.ts';
import { newJournal } from '../store/journal.ts';
import { descriptorLimit } from './admission.ts';
import { startServer } from './server.ts';

const [rendererFolder = '', dataFolder = ''] = process.argv.slice(2);
const log = createLog({ level: 'silent' });
const hostBook = await openHostBook(join(dataFolder, 'hosts.json'), () => undefined);
const files = await readStaticFiles(rendererFolder);
const described = { version: '1', shell: 'browser', dataFolder, userName: 'u' } as const;
const handlers = stubHandlers({ requests: { 'application.describe': () => Promise.resolve(described) } });
const server = await startServer({ handlers, files, port: 0, log });

async function write(): Promise<string> {
  const operationId = randomUUID();
  try {
    await hostBook.add(hostSettings({ name: operationId }));
    await newJournal(join(dataFolder, 'journal'), operationId, () => 1).append({
      type: 'started',
      version: journalVersion,
      operationId,
      plan: planFor(new FakeHost(), ['a']),
      startedBy: { user: 'ann', computer: 'desk' },
    });
    return 'written';
  } catch (error) {
    return `not written: ${error instanceof Error ? error.message : String(error)}`;
  }
}

process.stdout.write(`${descriptorLimit()} ${server.url}\n`);
createInterface(process.stdin).on('line', () => {
  void write().then((outcome) => process.stdout.write(`${outcome}\n`));
});
process.stdin.on('end', () => process.exit());
