import { SnaptreeError } from '../../../../shared/errors.ts';
import type { ConnectionTest, ImportCandidate, ImportSource } from '../../../../shared/contract.ts';
import type { Host } from '../../../../shared/model/host.ts';
import { hypervisorWords } from '../../../../shared/rules/inventory/hypervisors.ts';
import { shellLine } from '../../../../shared/rules/text/shell-words.ts';
import type { Client } from '../client.ts';
import type { CommandContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findHost } from '../names.ts';
import { shown, shownSentence } from '../output.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { oneHost } from '../targets.ts';
import { tableLines } from '../text/table.ts';
import { connectionText } from '../text/words.ts';
import { uriOption } from './shared-options.ts';

export function addHosts(program: Program, context: CommandContext): void {
  const { output } = context;
  const hosts = program
    .command('hosts')
    .summary('list, test, add, import or remove hosts')
    .description('The host book: the hosts that Snaptree knows by name. It holds no passwords.')
    .addHelpText(
      'after',
      examples(
        'snaptree hosts',
        'snaptree hosts add kvm1 qemu+ssh://root@kvm1.example/system',
        'snaptree hosts test kvm1',
        'snaptree hosts import',
        'snaptree hosts import kvm1 kvm2',
      ),
    );

  hosts
    .command('list', { isDefault: true })
    .summary('list the hosts (the default)')
    .description('List the hosts of the host book, without connecting to them.')
    .action(async (_options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', ({ client }) => {
        const all = client.hosts();
        if (options.json === true) {
          context.document('hosts', { schema: 'snaptree.hosts', version: 2, hosts: [...all] });
        } else if (all.length === 0)
          output.say('The host book is empty. “snaptree hosts add --help” says how to fill it.');
        else printHosts(context, all);
        return Promise.resolve(exitCodes.done);
      });
    });

  hosts
    .command('test')
    .summary('try to connect, stage by stage')
    .description(
      'Connect to a host and say at which stage that fails, and what to do about it. Nothing is saved but a host key that you accept.',
    )
    .argument('[host]', 'name or id of the host; can be left out where there is only one')
    .addOption(uriOption())
    .action(async (text, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'readOnly', async ({ client }) => {
        const host = await oneHost(context, client, { text, uri: options.uri });
        const { id: _id, ...settings } = host;
        const test = await client.ask('hosts.test', { settings });
        if (options.json === true) {
          const { stages } = test;
          context.document('connectionTest', {
            schema: 'snaptree.connectionTest',
            version: 2,
            hostName: host.name,
            stages,
          });
        } else printTest(context, host, test);
        const failed = test.stages.some(({ state }) => state === 'failed');
        return failed ? exitCodes.unreachable : exitCodes.done;
      });
    });

  hosts
    .command('add')
    .summary('add a host by its libvirt URI')
    .description('Add a host to the host book. How it is reached is said by a libvirt URI.')
    .argument('<name>', 'the name to give it')
    .argument('<uri>', 'qemu:///system for this computer, or qemu+ssh://[USER@]HOST[:PORT]/system')
    .option('--read-only', 'no change of this host can be planned or run')
    .option('--sudo', 'run everything there through sudo -n')
    .addHelpText('after', examples('snaptree hosts add kvm1 qemu+ssh://root@kvm1.example:2222/system --read-only'))
    .action(async (name, uri, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async ({ client }) => {
        const [candidate] = await importable(client, { kind: 'uri', uri });
        if (!candidate?.settings) {
          throw new SnaptreeError(
            'invalidRequest',
            `${uri} cannot be used: ${candidate?.problem ?? 'nothing is known.'}`,
          );
        }
        for (const note of candidate.notes) context.warn(note);
        const { settings } = candidate;
        const host = await client.ask('hosts.add', {
          settings: {
            ...settings,
            name,
            readOnly: options.readOnly === true || settings.readOnly,
            sudo: options.sudo === true || settings.sudo,
          },
        });
        if (options.json === true) context.document('host', { schema: 'snaptree.host', version: 2, host });
        else
          output.say(
            `Added ${shown(host.name)}. “${shellLine(['snaptree', 'hosts', 'test', host.name])}” tries to connect.`,
          );
        return exitCodes.done;
      });
    });

  hosts
    .command('remove')
    .summary('remove a host from the host book')
    .description('Remove a host from the host book. Nothing is changed on the host.')
    .argument('<host>', 'name or id of the host')
    .action(async (text, _options, command) => {
      const options = command.optsWithGlobals();
      await context.work(options, 'exclusive', async ({ client }) => {
        const host = findHost(text, client.hosts());
        await client.ask('hosts.remove', { hostId: host.id });
        if (options.json === true) context.document('host', { schema: 'snaptree.host', version: 2, host });
        else output.say(`Removed ${shown(host.name)} from the host book.`);
        return exitCodes.done;
      });
    });

  hosts
    .command('import')
    .summary('list the hosts of ~/.ssh/config, or add some of them')
    .description(
      'Without names: list the aliases of ~/.ssh/config with the values that ssh would use for each. With names, or --all: ' +
        'add those to the host book.',
    )
    .argument('[aliases...]', 'aliases of ~/.ssh/config to add')
    .option('--all', 'add every host that can be added and is not there yet')
    .addHelpText('after', examples('snaptree hosts import', 'snaptree hosts import kvm1 kvm2'))
    .action(async (aliases, _options, command) => {
      const options = command.optsWithGlobals();
      const adds = options.all === true || aliases.length > 0;
      await context.work(options, adds ? 'exclusive' : 'readOnly', async ({ client }) => {
        const candidates = await importable(client, { kind: 'sshConfig' });
        const chosen =
          options.all === true ? candidates.filter(canBeAdded) : aliases.map((alias) => named(alias, candidates));
        const added: Host[] = [];
        for (const { origin, settings, notes } of chosen) {
          if (settings === null) continue;
          for (const note of notes) context.warn(`${origin}: ${note}`);
          added.push(await client.ask('hosts.add', { settings }));
        }
        if (options.all === true) {
          for (const { origin, problem } of candidates) {
            if (problem !== null) context.warn(`${origin} was not added. ${problem}`);
          }
        }
        if (options.json === true) {
          context.document('importableHosts', {
            schema: 'snaptree.importableHosts',
            version: 2,
            candidates: [...candidates],
            added,
          });
        } else if (adds) {
          for (const host of added) output.say(`Added ${shown(host.name)}.`);
          if (added.length === 0) output.say('There was nothing to add.');
        } else printCandidates(context, candidates);
        return exitCodes.done;
      });
    });
}

async function importable(client: Client, source: ImportSource): Promise<readonly ImportCandidate[]> {
  const { candidates } = await client.ask('hosts.importable', { source });
  return candidates;
}

function canBeAdded({ settings, sameAs }: ImportCandidate): boolean {
  return settings !== null && sameAs === null;
}

function named(alias: string, candidates: readonly ImportCandidate[]): ImportCandidate {
  const found = candidates.find(({ origin }) => origin === alias);
  const no = (why: string): SnaptreeError =>
    new SnaptreeError('importFailed', `${alias} cannot be imported: ${why} Nothing was added.`);
  if (!found) throw no('it is no alias of ~/.ssh/config. “snaptree hosts import” lists them.');
  if (found.sameAs !== null) throw no(`it is in the host book already, as ${found.sameAs}.`);
  if (found.settings === null) throw no(found.problem ?? 'its settings could not be read.');
  return found;
}

function printHosts({ output }: CommandContext, hosts: readonly Host[]): void {
  const dim = (text: string): string => output.paint.out('dim', text);
  const lines = tableLines([
    ['NAME', 'CONNECTION', 'HYPERVISOR', ''].map((text) => ({ text, paint: dim })),
    ...hosts.map(({ name, connection, hypervisor, readOnly, sudo }) => [
      shown(name),
      shown(connectionText(connection)),
      shown(hypervisorWords(hypervisor).value),
      [...(readOnly ? ['read-only'] : []), ...(sudo ? ['sudo'] : [])].join(', '),
    ]),
  ]);
  output.text(`${lines.join('\n')}\n`);
}

function printTest({ output }: CommandContext, host: Host, { stages }: ConnectionTest): void {
  const paint = output.paint.out;
  const words = { passed: 'passed', failed: 'FAILED', notReached: 'not tried', skipped: 'skipped' } as const;
  const styles = { passed: 'green', failed: 'red', notReached: 'dim', skipped: 'dim' } as const;
  const rows = stages.map(({ stage, state, message }) => [
    stage,
    { text: words[state], paint: (text: string) => paint(styles[state], text) },
    shownSentence(message),
  ]);
  const remedies = stages.flatMap(({ remedy }) => (remedy === null ? [] : [`What to do: ${shownSentence(remedy)}`]));
  output.text(`${[paint('bold', shown(host.name)), ...tableLines(rows), ...remedies].join('\n')}\n`);
}

function printCandidates({ output }: CommandContext, candidates: readonly ImportCandidate[]): void {
  if (candidates.length === 0) {
    output.say('There is no host to import in ~/.ssh/config.');
    return;
  }
  const lines = tableLines(
    candidates.map(({ origin, settings, problem, sameAs, notes }) => [
      shown(origin),
      settings === null ? '-' : shown(connectionText(settings.connection)),
      sameAs !== null
        ? `in the host book as ${shown(sameAs)}`
        : shownSentence([...(problem === null ? [] : [problem]), ...notes].join(' ')),
    ]),
  );
  output.text(`${lines.join('\n')}\n`);
}
