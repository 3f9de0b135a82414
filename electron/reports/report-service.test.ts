import { describe, expect, it, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import type { SessionState } from '../../shared/model/host.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { image, inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import type { FileToSave, SavedFile } from '../application/file-saver.ts';
import { createReportService } from './report-service.ts';
import type { ReportServiceParts } from './report-service.ts';

const thresholds = defaultReportThresholds;
const host = (index: number) => `00000000-0000-4000-8000-00000000000${index}`;

function setUp(parts: { disconnected?: readonly string[]; save?: (file: FileToSave) => SavedFile } = {}) {
  const readings = new Map<string, PromiseWithResolvers<Inventory>>();
  const signals: (AbortSignal | undefined)[] = [];
  const connected: string[] = [];
  const opened: string[] = [];
  let ids = 0;
  const read = (hostId: string): Promise<Inventory> => {
    const reading = Promise.withResolvers<Inventory>();
    readings.set(hostId, reading);
    return reading.promise;
  };
  const known = (hostId: string): string => {
    if (hostId.startsWith('0000')) return `host ${hostId.at(-1) ?? ''}`;
    throw new SnaptreeError('hostNotFound', 'gone');
  };
  const service = createReportService({
    hostName: known,
    sessions: {
      state: (hostId) =>
        (parts.disconnected?.includes(hostId) === true
          ? { state: 'disconnected' }
          : { state: 'connected' }) as SessionState,
      connect: (hostId) => {
        connected.push(hostId);
        return Promise.resolve();
      },
    },
    inventories: {
      read: (hostId, signal) => {
        signals.push(signal);
        return read(hostId);
      },
      refresh: read,
    },
    files: {
      save: (file) => Promise.resolve(parts.save?.(file) ?? { outcome: 'cancelled' }),
      open: (path) => {
        opened.push(path);
        return Promise.resolve();
      },
    },
    log: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() },
    clock: () => 1_795_207_000,
    newId: () => `id-${(ids += 1)}`,
  } satisfies ReportServiceParts);
  return { service, readings, signals, connected, opened };
}

const states = (service: ReturnType<typeof createReportService>, id: string) =>
  service.state(id).hosts.map(({ state }) => state);
const anInventory = inventory([vm()], [image('/a')]);

describe('a report', () => {
  it('reads a few hosts at once, and tells how far it is; one that fails is not left out', async () => {
    const { service, readings, connected } = setUp({ disconnected: [host(2)] });
    const changes: string[] = [];
    service.onChange((id) => changes.push(id));
    const id = service.start([1, 2, 3, 4, 5, 5].map(host), thresholds);
    await vi.waitFor(() => {
      expect(readings.size).toBe(4);
    });
    expect(states(service, id)).toEqual(['reading', 'reading', 'reading', 'reading', 'waiting']);
    expect(connected).toEqual([host(2)]);
    readings.get(host(1))?.resolve(anInventory);
    readings.get(host(2))?.reject(new SnaptreeError('hostUnreachable', 'No answer.'));
    await vi.waitFor(() => {
      expect(states(service, id)).toEqual(['read', 'unread', 'reading', 'reading', 'reading']);
    });
    expect(service.state(id).report).toBeNull();
    await expect(service.save(id, 'csv')).rejects.toMatchObject({ code: 'reportNotFound' });
    for (const index of [3, 5]) readings.get(host(index))?.resolve(anInventory);
    readings.get(host(4))?.reject(new TypeError('a fault'));
    await vi.waitFor(() => {
      expect(service.state(id).report).not.toBeNull();
    });
    const { report } = service.state(id);
    expect(report?.totals).toMatchObject({ hosts: 5, unreadHosts: 2, vms: 3 });
    expect(report?.unread.filter(({ what }) => what === 'the whole host')).toMatchObject([
      { hostName: 'host 2', reason: 'No answer.' },
      { hostName: 'host 4', reason: expect.stringContaining('fault in Snaptree') as string },
    ]);
    expect(new Set(changes)).toEqual(new Set([id]));
  });

  it('gives up reading when it is discarded, and is then unknown', async () => {
    const { service, readings, signals } = setUp();
    const id = service.start([1, 2, 3, 4, 5].map(host), thresholds);
    service.discard(id);
    expect(signals.every((signal) => signal?.aborted)).toBe(true);
    for (const reading of readings.values()) reading.reject(new SnaptreeError('cancelled', ''));
    await Promise.resolve();
    expect(readings.size).toBe(4);
    expect(() => service.state(id)).toThrow(expect.objectContaining({ code: 'reportNotFound' }));
    expect(() => {
      service.discard(id);
    }).toThrow(expect.objectContaining({ code: 'reportNotFound' }));
    expect(() => service.start(['unknown'], thresholds)).toThrow(expect.objectContaining({ code: 'hostNotFound' }));
  });

  it('is kept until there are too many', () => {
    const { service } = setUp();
    const ids = Array.from({ length: 6 }, () => service.start([host(1)], thresholds));
    expect(() => service.state(ids[0] ?? '')).toThrow();
    for (const id of ids.slice(1)) expect(service.state(id).hosts).toHaveLength(1);
  });
});

describe('saving', () => {
  async function ready(save: (file: FileToSave) => SavedFile) {
    const parts = setUp({ save });
    const id = parts.service.start([host(1)], thresholds);
    parts.readings.get(host(1))?.resolve(anInventory);
    await vi.waitFor(() => {
      expect(parts.service.state(id).report).not.toBeNull();
    });
    return { ...parts, id };
  }

  it('hands the file to the shell, and opens only what was saved', async () => {
    const files: FileToSave[] = [];
    const { service, id, opened } = await ready((file) => {
      files.push(file);
      return { outcome: 'saved', path: `/home/${file.suggestedName}` };
    });
    for (const format of ['csv', 'json', 'html', 'pdf'] as const) {
      const saved = await service.save(id, format);
      if (saved.outcome !== 'saved') throw new Error('It was not saved.');
      expect(saved.path).toMatch(new RegExp(`\\.${format}$`));
      await service.openFile(saved.fileId);
      expect(opened.at(-1)).toBe(saved.path);
    }
    expect(files.map(({ mediaType }) => mediaType)).toEqual([
      'text/csv; charset=utf-8',
      'application/json',
      'text/html; charset=utf-8',
      'application/pdf',
    ]);
    expect(new TextDecoder().decode(files[3]?.bytes.slice(0, 5))).toBe('%PDF-');
    await expect(service.openFile('/etc/passwd')).rejects.toMatchObject({ code: 'fileNotFound' });
  });

  it('tells of a download, and of a user who thought better of it', async () => {
    const offered = await ready(() => ({ outcome: 'download', url: '/downloads/x' }));
    expect(await offered.service.save(offered.id, 'json')).toMatchObject({
      outcome: 'download',
      url: '/downloads/x',
      fileName: expect.stringMatching(/^snapshot-report-[\w-]+\.json$/) as string,
    });
    const cancelled = await ready(() => ({ outcome: 'cancelled' }));
    expect(await cancelled.service.save(cancelled.id, 'json')).toEqual({ outcome: 'cancelled' });
  });
});
