import { Option } from '@commander-js/extra-typings';
import { SnaptreeError } from '../../../../shared/errors.ts';
import type { Host } from '../../../../shared/model/host.ts';
import { defaultReportThresholds } from '../../../../shared/rules/findings/report-thresholds.ts';
import type { Report } from '../../../../shared/model/report.ts';
import { whenAborted } from '../../../base/abort.ts';
import type { Client } from '../client.ts';
import type { CommandContext, Work } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findHost } from '../names.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { reportSaver } from '../report-file.ts';
import { hostOfUri } from '../targets.ts';
import { count } from '../text/words.ts';
import { collect, wholeNumber } from './shared-options.ts';

export function addReport(program: Program, context: CommandContext): void {
  const limits = defaultReportThresholds;
  program
    .command('report')
    .summary('report on VMs, snapshots, chains and what is wrong with them')
    .description(
      'Read hosts and report on every VM and snapshot, with findings. Where a host or something on it could not be read, ' +
        'the report says so and the exit code is 5.',
    )
    .argument('[hosts...]', 'names or ids of hosts')
    .addOption(new Option('--host <host>', 'a host, as an argument is; can be given several times').argParser(collect))
    .addOption(
      new Option('--uri <uri>', 'a host that need not be in the host book; can be given several times').argParser(
        collect,
      ),
    )
    .option('--all', 'all hosts of the host book')
    .addOption(
      new Option('--format <format>', 'what to write; --json is --format json')
        .choices(['csv', 'json', 'html', 'pdf'] as const)
        .default('csv' as const),
    )
    .option('-o, --output <file>', 'the file to write; stdout where it is not given')
    .addOption(
      new Option('--max-age <days>', 'snapshots older than this are findings')
        .argParser(wholeNumber(0, 36_500))
        .default(limits.maximumAgeDays),
    )
    .addOption(
      new Option('--max-snapshots <number>', 'as are VMs with more snapshots')
        .argParser(wholeNumber(0, 100_000))
        .default(limits.maximumSnapshots),
    )
    .addOption(
      new Option('--max-chain <number>', 'and chains of more images')
        .argParser(wholeNumber(1, 1000))
        .default(limits.maximumChainLength),
    )
    .addOption(
      new Option('--min-free <per cent>', 'and file systems with less room left')
        .argParser(wholeNumber(0, 100))
        .default(limits.minimumFreePercent),
    )
    .addHelpText(
      'after',
      examples(
        'snaptree report --all > snapshots.csv',
        'snaptree report kvm1 kvm2 --format html --output report.html --max-age 14',
        'snaptree report --all --json | jq \'.findings[] | select(.severity == "critical")\'',
      ),
    )
    .action(async (named, _options, command) => {
      const options = command.optsWithGlobals();
      const format = options.json === true ? 'json' : options.format;
      const names = [...named, ...(options.host ?? [])];
      const uris = options.uri ?? [];
      if (options.all !== true && names.length === 0 && uris.length === 0 && options.demo !== true) {
        command.error('error: name hosts, or give --all', { exitCode: exitCodes.usage });
      }
      const everything = options.all === true || (options.demo === true && names.length === 0);
      const files = reportSaver(context.output, options.output ?? null);
      await context.work(
        options,
        'readOnly',
        async (work) => {
          const { client } = work;
          const hosts = await chosen(context, client, names, uris, everything);
          const { reportId } = await client.ask('reports.start', {
            hostIds: hosts.map(({ id }) => id),
            thresholds: {
              maximumAgeDays: options.maxAge,
              maximumSnapshots: options.maxSnapshots,
              maximumChainLength: options.maxChain,
              minimumFreePercent: options.minFree,
            },
          });
          const report = await ready(context, work, reportId);
          const saved = await client.ask('reports.save', { reportId, format });
          sayWhatItHolds(context, report, saved.outcome === 'saved' ? saved.path : '-');
          return report.unread.length === 0 ? exitCodes.done : exitCodes.partlyUnread;
        },
        files,
      );
    });
}

async function chosen(
  context: CommandContext,
  client: Client,
  names: readonly string[],
  uris: readonly string[],
  everything: boolean,
): Promise<readonly Host[]> {
  const hosts = everything ? [...client.hosts()] : names.map((name) => findHost(name, client.hosts()));
  for (const uri of uris) hosts.push(await hostOfUri(context, client, uri));
  if (hosts.length === 0) {
    throw new SnaptreeError('hostNotFound', 'The host book is empty. Add a host, or name one with --uri.');
  }
  return hosts;
}

/** Waits for the report and says meanwhile how far it is. Throws `cancelled` where the user interrupts. */
function ready(context: CommandContext, { client, interruption }: Work, reportId: string): Promise<Report> {
  return new Promise((resolve, reject) => {
    let stop: () => void = () => undefined;
    const end = (act: () => void): void => {
      context.output.progress(null);
      queueMicrotask(() => {
        stopListening();
        stop();
      });
      act();
    };
    stop = client.watch('report', { reportId }, ({ hosts, report }) => {
      if (report !== null) {
        end(() => {
          resolve(report);
        });
        return;
      }
      const done = hosts.filter(({ state }) => state === 'read' || state === 'unread').length;
      context.output.progress(`Reading hosts: ${done} of ${hosts.length} …`);
    });
    const stopListening = whenAborted(interruption.signal, () => {
      end(() => {
        reject(new SnaptreeError('cancelled', 'The report was given up.'));
      });
    });
  });
}

/** What a reader of the file should know of it, on stderr. */
function sayWhatItHolds({ output, warn }: CommandContext, { totals, unread }: Report, path: string): void {
  if (path !== '-') {
    const { critical, warning, information } = totals.findings;
    output.say(
      `${path}: ${count(totals.rows, 'row')}, ${count(totals.vms, 'VM')}, findings: ${critical} critical, ${count(warning, 'warning')}, ${information} for information.`,
    );
  }
  for (const { hostName, what, reason } of unread.slice(0, 20)) warn(`Not read on ${hostName}: ${what}: ${reason}`);
  if (unread.length > 20) warn(`… and ${unread.length - 20} more that could not be read; the report has them all.`);
}
