/** virsh's commands about block jobs. */
import { abortJob, beginCommit, beginPull, jobInfo, limitJob, pivotJob, type JobInfo } from './block-jobs.ts';
import { has, value, vmFor, type Call, type Command } from './virsh-call.ts';
import type { ParsedCommand } from './virsh-parser.ts';

const mebibyte = 1024 ** 2;

/** In MiB a second, or with `--bytes` in bytes a second. */
function bandwidth(command: ParsedCommand): number {
  const amount = Number(value(command, 'bandwidth') || '0');
  return has(command, 'bytes') ? amount : amount * mebibyte;
}

function request(command: ParsedCommand) {
  return {
    target: value(command, 'path'),
    base: value(command, 'base') || null,
    bytesPerSecond: bandwidth(command),
  };
}

function print(call: Call, { type, bytesPerSecond, doneBytes, totalBytes }: JobInfo): void {
  const { command } = call;
  if (has(command, 'raw')) {
    const shown = has(command, 'bytes') ? bytesPerSecond : Math.ceil(bytesPerSecond / mebibyte);
    call.print(` type=${type}\n bandwidth=${shown}\n cur=${doneBytes}\n end=${totalBytes}\n`);
    return;
  }
  const percent = totalBytes === 0 || doneBytes >= totalBytes ? 100 : Math.floor((doneBytes / totalBytes) * 100);
  const limit = `    Bandwidth limit: ${bytesPerSecond} bytes/s (${(bytesPerSecond / mebibyte).toFixed(3)} MiB/s)\n`;
  call.print(`${type}: [${String(percent).padStart(3)} %]${bytesPerSecond === 0 ? '' : limit}`);
}

function blockJob(call: Call): void {
  const { command, host, remark } = call;
  const vm = vmFor(call);
  const path = value(command, 'path');
  if (has(command, 'pivot')) pivotJob(host.world, vm, path);
  else if (has(command, 'abort')) abortJob(host.world, vm, path);
  else if (command.values.has('bandwidth')) limitJob(host.world, vm, path, bandwidth(command));
  else {
    const info = jobInfo(host.world, vm, path);
    if (info) print(call, info);
    else if (!has(command, 'raw')) call.print(`No current block job for ${path}`);
  }
  remark('\n');
}

export const blockJobCommands: readonly (readonly [string, Command])[] = [
  [
    'blockjob',
    {
      positional: ['domain', 'path', 'bandwidth'],
      required: ['domain', 'path'],
      flags: ['raw', 'info', 'bytes', 'abort', 'pivot', 'async'],
      run: blockJob,
    },
  ],
  [
    'blockcommit',
    {
      positional: ['domain', 'path', 'bandwidth'],
      values: ['base', 'top'],
      required: ['domain', 'path'],
      flags: ['active', 'bytes'],
      run: (call) => {
        const { command, host } = call;
        const active = has(command, 'active');
        beginCommit(host.world, vmFor(call), request(command), { top: value(command, 'top') || null, active });
        call.print(`${active ? 'Active ' : ''}Block Commit started`);
        call.remark('\n');
      },
    },
  ],
  [
    'blockpull',
    {
      positional: ['domain', 'path', 'bandwidth'],
      values: ['base'],
      required: ['domain', 'path'],
      flags: ['bytes'],
      run: (call) => {
        const { command, host } = call;
        beginPull(host.world, vmFor(call), request(command));
        call.print('Block Pull started');
        call.remark('\n');
      },
    },
  ],
];
