/** The scripts that ask libvirt about everything at once. What comes back: host-answers.ts. */
import { quoteArgument } from '../../../../hosts/commands/quoting.ts';
import { frameLine } from '../../../../hosts/commands/frames.ts';
import { awkFunctions, awkLists, awkLookups, awkOutlines, awkRecords, awkShorten, awkVolumes } from './batch-awk.ts';
import { askJobs, findDisks, limitedVirsh } from './batch-qemu.ts';
import { resourceCommands } from '../definitions/host-resources.ts';
import { definitionInFiles, takeStamp, tellWritten } from './state-files.ts';
import { quoteForVirsh, virshOption } from './virsh-quoting.ts';

/** One argument must stay below 128 KiB (Linux, MAX_ARG_STRLEN), and virsh takes all its commands in one. */
const maximumCommandBytes = 131_000;
/** So many virsh at once: each connects for itself, which takes longer than many of its commands. */
const maximumProcesses = 4;
/** Unlisted parents of unlisted parents, one virsh a generation. */
const maximumLookupRounds = 16;

function preface(nonce: string, uri: string): readonly string[] {
  return [
    `N=${quoteArgument(nonce)}`,
    'within=',
    `virsh_run() { $within virsh -q -c ${quoteArgument(uri)} "$1" </dev/null 2>&1; }`,
    `frame() { printf '\\n%s %s\\n' "$N" "$*"; }`,
    `failed() { frame failed; printf '%s\\n' "$1"; frame end; exit 0; }`,
    'command -v virsh >/dev/null 2>&1 || { frame novirsh; frame end; exit 0; }',
  ];
}

/**
 * `for_each PROGRAM` prints what is to be asked, `virsh_all COMMANDS…`, whose answers `shorten STAGE` makes short.
 *
 * @param variables of the programs, as awk takes them
 */
function askForEach(variables: string): readonly string[] {
  return [
    // All of one virsh go on at once; what they print is passed on one after the other.
    `hold() { awk '{ line[NR] = $0 } END { for (i = 1; i <= NR; i++) print line[i] }'; }`,
    `virsh_all() { if [ $# -lt 2 ]; then virsh_run "$1"; else (shift; virsh_all "$@") | hold | { virsh_run "$1"; cat; }; fi; }`,
    `for_each() { awk -v N="$N" -v LIMIT=${maximumCommandBytes} -v PROCESSES=${maximumProcesses} -v ROUND="$round" ${variables} "$awk_functions$1"; }`,
    'round=0',
    ...limitedVirsh(),
    `shorten() { awk -v N="$N" -v STAGE="$1" "$awk_shorten"; }`,
    `awk_functions=${quoteArgument(awkFunctions)}`,
    `awk_shorten=${quoteArgument(awkShorten)}`,
  ];
}

/** virsh commands, each behind a frame of its own, in the language of virsh. */
function framed(nonce: string, commands: readonly (readonly [frame: string, command: string])[]): string {
  return commands.map(([frame, command]) => `echo ${quoteForVirsh(frameLine(nonce, frame))}; ${command}; `).join('');
}

/** In a virsh of its own: one that does not know an option of theirs takes none of the others, and says so behind `resources`. */
function askForResources(nonce: string): string {
  return `frame resources; virsh_run ${quoteArgument(framed(nonce, resourceCommands))}`;
}

/**
 * Asks about the whole host, into `host`; where virsh cannot connect, the batch ends with `failed`.
 *
 * @param further lines of the script that ask for more
 */
function askHost(commands: string, further: readonly string[] = []): readonly string[] {
  return [
    `host=$(${[`virsh_run ${quoteArgument(commands)}`, ...further].join('; ')}; frame asked)`,
    // virsh prints the first frame only once it is connected.
    `printf '%s\\n' "$host" | grep -q "^$N vms$" || failed "$host"`,
  ];
}

/**
 * A script that prints, framed, `version` (of client, daemon and emulator; incomplete where the emulator is missing), or
 * `novirsh`, or `failed` (virsh's words) where there is no connection.
 */
export function versionScript(nonce: string, uri: string): string {
  const connect = `connected=$(virsh_run uri) || failed "$connected"`;
  const ask = [
    `versions=$(virsh_run 'version --daemon')`,
    'frame version',
    `printf '%s\\n' "$versions"`,
    'frame end',
    '',
  ];
  return [...preface(nonce, uri), connect, ...ask].join('\n');
}

/**
 * A script that prints, framed, all of libvirt that Snaptree reads of a host, in one round trip. Frames:
 * `novirsh`; `stamp` (of libvirt's files; empty where it cannot be taken) and `written` (a checksum and a name on each line, see
 * state-files.ts); `failed` (virsh's words; nothing else then); `vms`, `persistent`, `saved`, `with-snapshots`, `pools`, `with-checkpoints` (UUIDs); `version`; the lists of
 * host-resources.ts; per
 * pool `pool` (its definition); per VM `name`, `state`, `current` (snapshot), `listing` (of snapshot names), `control` (whether it can be
 * asked for its jobs), `memory` (the definition inside the saved memory, of VMs that have some), `domain`, `inactive` (the definition
 * for the next start, of VMs that are not shut off), `job` and `blockjob-TARGET` (of VMs that run and answer), each with the UUID;
 * `snapshot UUID LINE` (the record of the snapshot named by that line, from 1, of the listing); pairs of `ask UUID` (the
 * name of a snapshot that stands in no line by itself: of several lines, or only named by others) and `lookup UUID` (its
 * record); pairs of `volume` (`POOL/VOLUME`) and `path`; `end`. What went wrong with one of them stands in its frame, as
 * virsh said it.
 *
 * VMs go by UUID only: virsh takes a name such as `1` for the id of another VM. virsh goes on after a command that failed,
 * and what it prints to both outputs comes in order. Names are quoted on the host, for virsh and for the shell. Of
 * definitions and records only what Snaptree reads is sent, which is about a sixth of what real ones hold.
 *
 * @param only UUIDs of the VMs to read; all where left out
 */
export function inventoryScript(nonce: string, uri: string, only?: readonly string[]): string {
  const chosen = only ? `"$N only" ${only.map(quoteArgument).join(' ')}` : '';
  const commands = framed(nonce, [
    ['vms', 'list --all --uuid'],
    ['persistent', 'list --all --persistent --uuid'],
    ['saved', 'list --all --with-managed-save --uuid'],
    ['with-snapshots', 'list --all --with-snapshot --uuid'],
    ['version', 'version --daemon'],
    ['pools', 'pool-list --all --uuid'],
  ]);
  return [
    ...preface(nonce, uri),
    // Before anything is read: what changes from here on makes another.
    ...takeStamp(uri),
    'frame stamp',
    `printf %s "$stamp"`,
    ...tellWritten(uri),
    'frame written',
    `printf %s "$written"`,
    ...askHost(commands, [askForResources(nonce)]),
    `printf '%s' "$host"`,
    'files=0; [ -z "$stamp" ] || files=1',
    ...definitionInFiles(),
    ...askForEach(`-v ONLY=${only === undefined ? '0' : '1'} -v FILES="$files"`),
    `awk_lists=${quoteArgument(awkLists)}`,
    `awk_records=${quoteArgument(awkRecords)}`,
    `awk_lookups=${quoteArgument(awkLookups)}`,
    `awk_volumes=${quoteArgument(awkVolumes)}`,
    `lists=$(eval "$(printf '%s\\n' "$host" ${chosen} | for_each "$awk_lists")" | shorten l; frame listed)`,
    `printf '%s' "$lists"`,
    `records=$(eval "$(printf '%s\\n%s\\n' "$host" "$lists" | for_each "$awk_records")" | shorten r; frame recorded)`,
    `printf '%s' "$records"`,
    ...findDisks(),
    ...askJobs('lists'),
    `printf '%s' "$jobs"`,
    'found=',
    'round=0',
    `while [ $round -lt ${maximumLookupRounds} ]; do`,
    `  commands=$(printf '%s\\n%s\\n%s\\n' "$lists" "$records" "$found" | for_each "$awk_lookups")`,
    '  [ -n "$commands" ] || break',
    '  more=$(eval "$commands" | shorten "f$round-"; frame found)',
    `  printf '%s' "$more"`,
    '  found="$found$more"',
    '  round=$((round + 1))',
    'done',
    `eval "$(printf '%s\\n%s\\n%s\\n' "$lists" "$records" "$found" | for_each "$awk_volumes")"`,
    'frame end',
    '',
  ].join('\n');
}

/** What a poll asks about, and what it knows already. */
export interface OutlineQuestion {
  /** Targets of the disks of each VM, by its UUID. */
  readonly disks: ReadonlyMap<string, readonly string[]>;
  readonly withSnapshots: readonly string[];
  /** UUIDs of the storage pools. */
  readonly pools: readonly string[];
  /** Volumes that VMs name, each as `POOL/VOLUME`. */
  readonly volumes: readonly string[];
  /** virsh there knows checkpoints. */
  readonly knowsCheckpoints: boolean;
  /** See `definitionsWaitForHolders` in capabilities.ts. */
  readonly definitionsWait: boolean;
  /** As the host gave them, of the state that is known; empty where they are of no use. */
  readonly stamp: string;
  readonly outline: string;
}

/** As in `awkRecords`. */
const askableTarget = /^[A-Za-z0-9_-]+$/;

/**
 * A script that prints, framed, what changes when something does that Snaptree shows: `stamp`, and, unless it is still the one
 * that is known, `outline` (a checksum over all that follows; empty where it cannot be taken), and, unless that is known, `written`, `vms`,
 * `names` (in the order of `vms`), `persistent`, `saved`, `pools`, `with-snapshots`, `with-checkpoints`, `running`, `paused`,
 * `shutoff`, `other` (UUIDs); the lists of host-resources.ts; per pool `pool` (its definition, without how full it is); per volume `volume` and `path`; per VM of `withSnapshots` `current` and `listing`; per VM of `disks` `control`, `domain`, `inactive`, `job` and
 * `blockjob-TARGET` as in `inventoryScript`. `novirsh`, `failed` and `end` too are as there.
 *
 * It costs four virsh, and of their commands two for a VM that is off, five for one that runs with one disk, two more
 * for one with snapshots, and one for each pool and volume.
 */
export function changesScript(nonce: string, uri: string, question: OutlineQuestion): string {
  const { disks, withSnapshots, pools, volumes, knowsCheckpoints, stamp, outline } = question;
  const commands = [
    ['vms', 'list --all --uuid'],
    ['names', 'list --all --name'],
    ['persistent', 'list --all --persistent --uuid'],
    ['saved', 'list --all --with-managed-save --uuid'],
    ['pools', 'pool-list --all --uuid'],
    ['with-snapshots', 'list --all --with-snapshot --uuid'],
    ['running', 'list --uuid --state-running'],
    ['paused', 'list --uuid --state-paused'],
    ['shutoff', 'list --all --uuid --state-shutoff'],
    ['other', 'list --all --uuid --state-other'],
    ...(knowsCheckpoints ? [['with-checkpoints', 'list --all --with-checkpoint --uuid'] as const] : []),
    ...pools.map((uuid) => [`pool ${uuid}`, `pool-dumpxml ${virshOption('pool', uuid)}`] as const),
    ...withSnapshots.flatMap((uuid) => [
      [`current ${uuid}`, `snapshot-current --name ${virshOption('domain', uuid)}`] as const,
      [`listing ${uuid}`, `snapshot-list --name ${virshOption('domain', uuid)}`] as const,
    ]),
    ...[...disks.keys()].map((uuid) => [`control ${uuid}`, `domcontrol ${virshOption('domain', uuid)}`] as const),
  ] as const;
  const paths = volumes.map((key) =>
    framed(nonce, [
      ['volume', `echo ${quoteForVirsh(key)}`],
      ['path', pathOf(key)],
    ]),
  );
  const [first = '', ...rest] = chunks([...commands.map((command) => framed(nonce, [command])), ...paths]);
  const further = [...rest.map((chunk) => `virsh_run ${quoteArgument(chunk)}`), askForResources(nonce)];
  const lines = [...disks].map(([uuid, targets]) => [uuid, ...targets.filter((each) => askableTarget.test(each))]);
  return [
    ...preface(nonce, uri),
    ...takeStamp(uri),
    'frame stamp',
    `printf %s "$stamp"`,
    `known=${quoteArgument(stamp)}`,
    '[ -z "$stamp" ] || [ "$stamp" != "$known" ] || { frame end; exit 0; }',
    ...tellWritten(uri),
    ...askHost(first, further),
    // How full a pool is changes all the time.
    `host=$(printf '%s\\n' "$host" | sed -e '/^  <capacity /d' -e '/^  <allocation /d' -e '/^  <available /d')`,
    ...askForEach(`-v WAITS=${question.definitionsWait ? '1' : '0'}`),
    `awk_outlines=${quoteArgument(awkOutlines)}`,
    `disks=${quoteArgument(lines.map((words) => words.join(' ')).join('\n'))}`,
    `more=$(eval "$(printf '%s\\n' "$N disks" "$disks" "$host" | for_each "$awk_outlines")" | shorten o; frame outlined)`,
    ...askJobs('host'),
    // The nonce is another one each time.
    `outline=$(printf '%s\\n' "$written" "$host" "$more" "$jobs" | sed "s/^$N //" | cksum 2>/dev/null) || outline=`,
    'frame outline',
    `printf %s "$outline"`,
    `known=${quoteArgument(outline)}`,
    '[ -z "$outline" ] || [ "$outline" != "$known" ] || { frame end; exit 0; }',
    'frame written',
    `printf '%s' "$written" "$host" "$more" "$jobs"`,
    'frame end',
    '',
  ].join('\n');
}

function pathOf(volume: string): string {
  const slash = volume.indexOf('/');
  return `vol-path ${virshOption('pool', volume.slice(0, slash))} ${virshOption('vol', volume.slice(slash + 1))}`;
}

function chunks(commands: readonly string[]): readonly string[] {
  const result: string[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const command of commands) {
    const bytes = Buffer.byteLength(command);
    if (size + bytes > maximumCommandBytes) {
      result.push('');
      size = 0;
    }
    result.push((result.pop() ?? '') + command);
    size += bytes;
  }
  return result;
}
