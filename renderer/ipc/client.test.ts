import { describe, expect, it, vi } from 'vitest';
import type { ClientMessage, ServerMessage } from '../../shared/messages.ts';
import { createClient, type ClientPipe } from './client.ts';

function fakePipe() {
  const sent: ClientMessage[] = [];
  let receive: (message: ServerMessage) => void = () => undefined;
  let connection: (connected: boolean) => void = () => undefined;
  const pipe: ClientPipe = {
    call: (message) => sent.push(message),
    subscribe(listener) {
      receive = listener;
      return () => undefined;
    },
    watchConnection(listener) {
      connection = listener;
      listener(true);
      return () => undefined;
    },
  };
  const idOf = (index: number) => sent[index]?.id ?? -1;
  return {
    pipe,
    sent,
    idOf,
    receive: (message: ServerMessage) => {
      receive(message);
    },
    connect: (connected: boolean) => {
      connection(connected);
    },
  };
}

const hostId = '00000000-0000-4000-8000-000000000001';

describe('request', () => {
  it('resolves with the value of its own response', async () => {
    const { pipe, sent, idOf, receive } = fakePipe();
    const client = createClient(pipe);
    const first = client.request('hosts.connect', { hostId });
    const second = client.request('application.describe', {});
    expect(sent.map((message) => message.type === 'request' && message.name)).toEqual([
      'hosts.connect',
      'application.describe',
    ]);
    const value = { version: '1', shell: 'browser', dataFolder: '/d', userName: 'me' };
    receive({ type: 'response', id: idOf(1), ok: true, value });
    receive({ type: 'response', id: idOf(0), ok: true, value: {} });
    await expect(second).resolves.toEqual(value);
    await expect(first).resolves.toEqual({});
  });

  it('rejects with the catalogue error that was answered', async () => {
    const { pipe, idOf, receive } = fakePipe();
    const asked = createClient(pipe).request('hosts.connect', { hostId });
    const error = { code: 'hostUnreachable' as const, message: 'No route.', data: { a: 'b' }, retryable: true };
    receive({ type: 'response', id: idOf(0), ok: false, error });
    await expect(asked).rejects.toMatchObject({ ...error, name: 'SnaptreeError' });
  });

  it('rejects an answer that is not of the contract', async () => {
    const { pipe, idOf, receive } = fakePipe();
    const asked = createClient(pipe).request('operations.start', { planId: hostId });
    receive({ type: 'response', id: idOf(0), ok: true, value: { operationId: 'no uuid' } });
    await expect(asked).rejects.toMatchObject({ code: 'invalidResponse' });
  });

  it('cancels in the main process, once, and lets a late answer fall', async () => {
    const { pipe, sent, idOf, receive } = fakePipe();
    const controller = new AbortController();
    const asked = createClient(pipe).request('hosts.connect', { hostId }, { signal: controller.signal });
    controller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    expect(sent[1]).toEqual({ type: 'cancel', id: idOf(0) });
    receive({ type: 'response', id: idOf(0), ok: true, value: {} });
    expect(sent).toHaveLength(2);
  });

  it('asks nothing where it is cancelled already', async () => {
    const { pipe, sent } = fakePipe();
    const asked = createClient(pipe).request('hosts.connect', { hostId }, { signal: AbortSignal.abort() });
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    expect(sent).toEqual([]);
  });

  it('fails with shellDisconnected, not retryable, when the pipe goes away', async () => {
    const { pipe, connect } = fakePipe();
    const asked = createClient(pipe).request('hosts.connect', { hostId });
    connect(false);
    await expect(asked).rejects.toMatchObject({ code: 'shellDisconnected', retryable: false });
  });
});

describe('subscribe', () => {
  it('delivers events of its topic until it is stopped', () => {
    const { pipe, sent, idOf, receive } = fakePipe();
    const next = vi.fn();
    const stop = createClient(pipe).subscribe('notices', {}, { next, failed: vi.fn() });
    expect(sent[0]).toMatchObject({ type: 'subscribe', topic: 'notices', parameters: {} });
    receive({ type: 'event', id: idOf(0), value: [] });
    receive({ type: 'event', id: idOf(0) + 7, value: [] });
    expect(next).toHaveBeenCalledExactlyOnceWith([]);
    stop();
    expect(sent.at(-1)).toEqual({ type: 'unsubscribe', id: idOf(0) });
    receive({ type: 'event', id: idOf(0), value: [] });
    expect(next).toHaveBeenCalledOnce();
  });

  it('tells of an event that is not of the contract, and of an end', () => {
    const { pipe, idOf, receive } = fakePipe();
    const failed = vi.fn();
    createClient(pipe).subscribe('notices', {}, { next: vi.fn(), failed });
    receive({ type: 'event', id: idOf(0), value: 'junk' });
    expect(failed).toHaveBeenLastCalledWith(expect.objectContaining({ code: 'invalidResponse' }));
    const error = { code: 'internalError' as const, message: 'm', data: {}, retryable: false };
    receive({ type: 'ended', id: idOf(0), error });
    expect(failed).toHaveBeenLastCalledWith(expect.objectContaining({ code: 'internalError' }));
  });

  it('says of each event that it was received, once it was dealt with and while somebody still listens', () => {
    const { pipe, sent, idOf, receive } = fakePipe();
    const client = createClient(pipe);
    let stop = (): void => undefined;
    const next = vi.fn(() => {
      expect(sent).toHaveLength(next.mock.calls.length);
      if (next.mock.calls.length === 2) stop();
    });
    stop = client.subscribe('notices', {}, { next, failed: vi.fn() });
    receive({ type: 'event', id: idOf(0), value: [] });
    expect(sent.slice(1)).toEqual([{ type: 'received', id: idOf(0) }]);
    receive({ type: 'event', id: idOf(0), value: [] });
    expect(sent.slice(2).map(({ type }) => type)).toEqual(['unsubscribe']);
  });

  it('is made again when the pipe is back, and only what is still wanted', () => {
    const { pipe, sent, connect } = fakePipe();
    const client = createClient(pipe);
    const listener = { next: vi.fn(), failed: vi.fn() };
    client.subscribe('hosts', {}, listener);
    const stop = client.subscribe('inventory', { hostId }, listener);
    connect(false);
    stop();
    sent.length = 0;
    connect(true);
    expect(sent).toEqual([expect.objectContaining({ type: 'subscribe', topic: 'hosts' })]);
  });

  it('waits where there is no connection yet', () => {
    const { pipe, sent, connect } = fakePipe();
    const client = createClient(pipe);
    connect(false);
    client.subscribe('hosts', {}, { next: vi.fn(), failed: vi.fn() });
    expect(sent).toEqual([]);
    connect(true);
    expect(sent).toHaveLength(1);
  });
});
