import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Refusal } from './handshake.ts';
import { createWebSocketPipe } from './web-socket-pipe.ts';

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  readonly sent: string[] = [];
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
    FakeSocket.all.push(this);
  }

  send(frame: string): void {
    this.sent.push(frame);
  }

  async open(): Promise<void> {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
    // The handshake is a promise.
    await Promise.resolve();
  }

  receive(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

const url = 'ws://127.0.0.1/ipc';
const socketClass = FakeSocket as unknown as typeof WebSocket;
const shakeHands = vi.fn<(socket: WebSocket) => Promise<Refusal | null>>();
const onRefused = vi.fn();
const at = (index: number): FakeSocket => {
  const socket = FakeSocket.all[index];
  if (!socket) throw new Error(`There is no socket ${index}.`);
  return socket;
};

beforeEach(() => {
  FakeSocket.all = [];
  shakeHands.mockReset().mockResolvedValue(null);
  onRefused.mockReset();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('createWebSocketPipe', () => {
  it('sends one JSON message a frame, and gives what comes back', async () => {
    const pipe = createWebSocketPipe(url, { shakeHands, onRefused }, socketClass);
    const listener = vi.fn();
    pipe.subscribe(listener);
    await at(0).open();
    pipe.call({ type: 'cancel', id: 4 });
    expect(at(0).sent).toEqual(['{"type":"cancel","id":4}']);
    at(0).receive('{"type":"event","id":1,"value":[]}');
    expect(listener).toHaveBeenCalledExactlyOnceWith({ type: 'event', id: 1, value: [] });
  });

  it('lets frames fall that are no messages', async () => {
    const pipe = createWebSocketPipe(url, { shakeHands, onRefused }, socketClass);
    const listener = vi.fn();
    pipe.subscribe(listener);
    await at(0).open();
    for (const junk of ['', '{', '[]', '{"type":"event"}', new ArrayBuffer(2)]) at(0).receive(junk);
    expect(listener).not.toHaveBeenCalled();
  });

  it('answers a request with shellDisconnected where there is no connection', async () => {
    const pipe = createWebSocketPipe(url, { shakeHands, onRefused }, socketClass);
    const listener = vi.fn();
    pipe.subscribe(listener);
    pipe.call({ type: 'request', id: 9, name: 'hosts.connect', payload: {} });
    await Promise.resolve();
    expect(listener).toHaveBeenCalledWith(
      expect.objectContaining({
        id: 9,
        ok: false,
        error: expect.objectContaining({ code: 'shellDisconnected' }) as unknown,
      }),
    );
  });

  it('connects again with growing delays, and tells of each change once', async () => {
    const pipe = createWebSocketPipe(url, { shakeHands, onRefused }, socketClass);
    const watcher = vi.fn();
    pipe.watchConnection?.(watcher);
    await at(0).open();
    at(0).close();
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.all).toHaveLength(2);
    at(1).close();
    vi.advanceTimersByTime(700);
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.all).toHaveLength(3);
    await at(2).open();
    expect(watcher.mock.calls).toEqual([[false], [true], [false], [true]]);
  });

  it('is connected only when the handshake says so, and lets no earlier frame through', async () => {
    let letIn: (refusal: null) => void = () => undefined;
    shakeHands.mockReturnValue(new Promise((resolve) => (letIn = resolve)));
    const pipe = createWebSocketPipe(url, { shakeHands, onRefused }, socketClass);
    const [watcher, listener] = [vi.fn(), vi.fn()];
    pipe.watchConnection?.(watcher);
    pipe.subscribe(listener);
    await at(0).open();
    at(0).receive('{"type":"event","id":1,"value":[]}');
    pipe.call({ type: 'cancel', id: 4 });
    expect([watcher.mock.calls, listener.mock.calls, at(0).sent]).toEqual([[[false]], [], []]);
    letIn(null);
    await Promise.resolve();
    expect(watcher).toHaveBeenLastCalledWith(true);
  });

  it('gives up where it is refused', async () => {
    shakeHands.mockResolvedValue('stranger');
    createWebSocketPipe(url, { shakeHands, onRefused }, socketClass);
    await at(0).open();
    expect(onRefused).toHaveBeenCalledExactlyOnceWith('stranger');
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});
