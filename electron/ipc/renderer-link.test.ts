import { describe, expect, test, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import { unreadInventory } from '../../shared/model/host.fixtures.ts';
import { serverMessageSchema } from '../../shared/messages.ts';
import type { ServerMessage } from '../../shared/messages.ts';
import { createRendererLink } from './renderer-link.ts';
import type { RendererLink } from './renderer-link.ts';
import type { Handlers } from './handlers.ts';
import { recordingLog, stubHandlers } from './stub-handlers.fixtures.ts';

const hostId = '0b6c5d0e-7a53-4d0a-9a53-6f2f3f1c9d11';
const described = { version: '1', shell: 'browser', dataFolder: '/d', userName: 'u' } as const;

function connect(given: Parameters<typeof stubHandlers>[0] = {}): {
  link: RendererLink;
  sent: ServerMessage[];
  lines: string[];
} {
  const sent: ServerMessage[] = [];
  const { log, lines } = recordingLog();
  const link = createRendererLink({
    handlers: stubHandlers(given),
    log,
    // What is sent is what the renderer accepts.
    send: (message) => sent.push(serverMessageSchema.parse(message)),
  });
  return { link, sent, lines };
}

const describeRequest = (id: number) => ({ type: 'request', id, name: 'application.describe', payload: {} });
const answered = (sent: readonly ServerMessage[], count: number) =>
  vi.waitFor(() => {
    expect(sent).toHaveLength(count);
  });
const codeOf = (message: ServerMessage | undefined) =>
  message !== undefined && 'error' in message ? message.error.code : null;

/** A handler that ends when the test says so. */
function pending<Value>() {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  return { promise, resolve, reject };
}

describe('a request', () => {
  test('is answered with its handler’s value', async () => {
    const { link, sent } = connect({ requests: { 'application.describe': () => Promise.resolve(described) } });
    link.receive(describeRequest(7));
    await answered(sent, 1);
    expect(sent[0]).toEqual({ type: 'response', id: 7, ok: true, value: described });
  });

  test('reaches its handler as the schema parsed it, and not at all where it does not match', async () => {
    const add = vi.fn<Handlers['requests']['hosts.add']>(() => Promise.reject(new SnaptreeError('hostInUse', 'no')));
    const { link, sent } = connect({ requests: { 'hosts.add': add } });
    const settings = {
      name: '  kvm 1 ',
      connection: { transport: 'local' },
      hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
    };
    link.receive({ type: 'request', id: 1, name: 'hosts.add', payload: { settings } });
    link.receive({ type: 'request', id: 2, name: 'hosts.add', payload: { settings, extra: 1 } });
    link.receive({ type: 'request', id: 3, name: 'hosts.add', payload: { settings: { ...settings, name: 5 } } });
    await answered(sent, 3);
    expect(add).toHaveBeenCalledTimes(1);
    expect(add.mock.calls[0]?.[0].settings.name).toBe('kvm 1');
    expect(sent.map((message) => [message.id, codeOf(message)])).toEqual([
      [2, 'invalidRequest'],
      [3, 'invalidRequest'],
      [1, 'hostInUse'],
    ]);
  });

  test.each(['nothing.such', '__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])(
    'called %j is unknown',
    (name) => {
      const { link, sent } = connect();
      link.receive({ type: 'request', id: 1, name, payload: {} });
      link.receive({ type: 'subscribe', id: 2, topic: name, parameters: {} });
      expect(sent.map((message) => [message.type, codeOf(message)])).toEqual([
        ['response', 'unknownRequest'],
        ['ended', 'unknownRequest'],
      ]);
    },
  );

  test('a topic is no request, and a request no topic', () => {
    const { link, sent } = connect();
    link.receive({ type: 'request', id: 1, name: 'hosts', payload: {} });
    link.receive({ type: 'subscribe', id: 2, topic: 'hosts.add', parameters: {} });
    expect(sent.map(codeOf)).toEqual(['unknownRequest', 'unknownRequest']);
  });

  test('that fails for a known reason is answered with that', async () => {
    const error = new SnaptreeError('hostUnreachable', 'No route.', { data: { address: 'a' }, retryable: true });
    const { link, sent } = connect({ requests: { 'hosts.connect': () => Promise.reject(error) } });
    link.receive({ type: 'request', id: 1, name: 'hosts.connect', payload: { hostId } });
    await answered(sent, 1);
    expect(sent[0]).toEqual({ type: 'response', id: 1, ok: false, error: error.toData() });
  });

  test.each([
    ['rejects', () => Promise.reject(new Error('pw=hunter2'))],
    [
      'throws',
      () => {
        throw new Error('pw=hunter2');
      },
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a bug may do
    ['rejects with text', () => Promise.reject('pw=hunter2')],
    ['rejects with an AbortError of its own', () => Promise.reject(new DOMException('pw=hunter2', 'AbortError'))],
  ])('whose handler %s by mistake gets a generic error; the details are for the log', async (_, handler) => {
    const { link, sent, lines } = connect({ requests: { 'hosts.connect': handler } });
    link.receive({ type: 'request', id: 1, name: 'hosts.connect', payload: { hostId } });
    await answered(sent, 1);
    expect(codeOf(sent[0])).toBe('internalError');
    expect(JSON.stringify(sent)).not.toContain('hunter2');
    expect(lines.join()).toContain('hosts.connect');
  });

  test('whose handler gives something else than the contract says is not passed on', async () => {
    const handler = () => Promise.resolve({ ...described, hostPassword: 'hunter2' });
    const { link, sent, lines } = connect({ requests: { 'application.describe': handler } });
    link.receive(describeRequest(1));
    await answered(sent, 1);
    expect(codeOf(sent[0])).toBe('invalidResponse');
    expect(JSON.stringify(sent) + lines.join()).not.toContain('hunter2');
    expect(lines).toHaveLength(1);
  });

  test('under a number that is in use is refused, and the first goes on', async () => {
    const first = pending<typeof described>();
    const handler = vi.fn(() => first.promise);
    const { link, sent } = connect({ requests: { 'application.describe': handler } });
    link.receive(describeRequest(1));
    link.receive(describeRequest(1));
    link.receive({ type: 'subscribe', id: 1, topic: 'hosts', parameters: {} });
    expect(sent.map((message) => [message.type, codeOf(message)])).toEqual([
      ['response', 'invalidRequest'],
      ['ended', 'invalidRequest'],
    ]);
    expect(handler).toHaveBeenCalledTimes(1);
    first.resolve(described);
    await answered(sent, 3);
    expect(sent[2]).toMatchObject({ id: 1, ok: true });
    link.receive(describeRequest(1));
    await answered(sent, 4);
    expect(sent[3]).toMatchObject({ id: 1, ok: true });
  });

  test('is cancelled through its signal', async () => {
    const { link, sent } = connect({
      requests: {
        'application.describe': (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reject(signal.reason as Error);
            });
          }),
      },
    });
    link.receive(describeRequest(1));
    link.receive({ type: 'cancel', id: 2 });
    expect(sent).toEqual([]);
    link.receive({ type: 'cancel', id: 1 });
    await answered(sent, 1);
    expect(codeOf(sent[0])).toBe('cancelled');
  });

  test('that was done in spite of being cancelled says so', async () => {
    const work = pending<typeof described>();
    const { link, sent } = connect({ requests: { 'application.describe': () => work.promise } });
    link.receive(describeRequest(1));
    link.receive({ type: 'cancel', id: 1 });
    work.resolve(described);
    await answered(sent, 1);
    expect(sent[0]).toMatchObject({ ok: true });
  });

  test('is refused where too many are open', () => {
    const { link, sent } = connect({ requests: { 'application.describe': () => pending<never>().promise } });
    for (let id = 0; id <= 1000; id += 1) link.receive(describeRequest(id));
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ id: 1000, error: { code: 'invalidRequest', retryable: true } });
  });
});

describe('a subscription', () => {
  const subscribe = { type: 'subscribe', id: 3, topic: 'notices', parameters: {} };
  const notice = { id: 'n', severity: 'warning', message: 'm' } as const;

  function source() {
    const dispose = vi.fn();
    let emit: Parameters<Handlers['subscriptions']['notices']>[1] = () => undefined;
    let signal: AbortSignal | null = null;
    const notices: Handlers['subscriptions']['notices'] = (_, emitNotices, context) => {
      emit = emitNotices;
      signal = context.signal;
      return dispose;
    };
    return {
      dispose,
      notices,
      emit: (...event: Parameters<typeof emit>) => {
        emit(...event);
      },
      isAborted: () => signal?.aborted,
    };
  }

  test('delivers until it is unsubscribed, and is disposed of once', () => {
    const { dispose, emit, notices, isAborted } = source();
    const { link, sent } = connect({ subscriptions: { notices } });
    link.receive(subscribe);
    emit([]);
    emit([notice]);
    link.receive({ type: 'cancel', id: 3 });
    expect(dispose).not.toHaveBeenCalled();
    link.receive({ type: 'unsubscribe', id: 3 });
    link.receive({ type: 'unsubscribe', id: 3 });
    emit([]);
    link.close();
    expect(dispose).toHaveBeenCalledTimes(1);
    expect(isAborted()).toBe(true);
    expect(sent).toEqual([
      { type: 'event', id: 3, value: [] },
      { type: 'event', id: 3, value: [notice] },
    ]);
  });

  test('ends, and is disposed of, at an event that does not match the contract', () => {
    const { dispose, emit, notices } = source();
    const { link, sent } = connect({ subscriptions: { notices } });
    link.receive(subscribe);
    const wrong = { ...notice, password: 'hunter2' };
    emit([wrong]);
    emit([]);
    expect(dispose).toHaveBeenCalledTimes(1);
    expect(sent.map((message) => [message.type, codeOf(message)])).toEqual([['ended', 'invalidResponse']]);
    expect(JSON.stringify(sent)).not.toContain('hunter2');
  });

  test('is disposed of where its very first value ends it', () => {
    const dispose = vi.fn();
    const wrong = { ...notice, extra: 1 };
    const { link, sent } = connect({ subscriptions: { notices: (_, emit) => (emit([wrong]), dispose) } });
    link.receive(subscribe);
    expect(dispose).toHaveBeenCalledTimes(1);
    expect(sent.map(codeOf)).toEqual(['invalidResponse']);
    link.close();
    expect(dispose).toHaveBeenCalledTimes(1);
  });

  test('with large events sends the next when the one before was received, and one of all that happened meanwhile', () => {
    let happened = 0;
    let offer = (): void => undefined;
    const event = () => ({ kind: 'all', sequence: happened, state: unreadInventory }) as const;
    const { link, sent } = connect({
      subscriptions: {
        inventory: (_parameters, _emit, { whenReady }) => {
          offer = () => {
            happened += 1;
            whenReady(() => ({ event: event(), checked: false }));
          };
          offer();
          return () => undefined;
        },
      },
    });
    link.receive({ type: 'subscribe', id: 1, topic: 'inventory', parameters: { hostId } });
    for (let count = 0; count < 10; count += 1) offer();
    expect(sent).toHaveLength(1);
    link.receive({ type: 'received', id: 1 });
    link.receive({ type: 'received', id: 1 });
    link.receive({ type: 'received', id: 1 });
    expect(sent).toEqual([
      { type: 'event', id: 1, value: { ...event(), sequence: 1 } },
      { type: 'event', id: 1, value: { ...event(), sequence: 11 } },
    ]);
    offer();
    link.receive({ type: 'unsubscribe', id: 1 });
    offer();
    expect(sent).toHaveLength(3);
  });

  test('ends where a large event is not of the contract', () => {
    const wrong = { kind: 'all', sequence: -1, state: unreadInventory } as const;
    const { link, sent } = connect({
      subscriptions: {
        inventory: (_parameters, _emit, { whenReady }) => {
          whenReady(() => ({ event: wrong, checked: false }));
          return () => undefined;
        },
      },
    });
    link.receive({ type: 'subscribe', id: 1, topic: 'inventory', parameters: { hostId } });
    expect(sent.map(codeOf)).toEqual(['invalidResponse']);
  });

  test('that cannot be opened says why, once', () => {
    const { link, sent } = connect({
      subscriptions: {
        inventory: () => {
          throw new SnaptreeError('hostNotFound', 'There is no such host.');
        },
      },
    });
    link.receive({ type: 'subscribe', id: 1, topic: 'inventory', parameters: { hostId } });
    link.receive({ type: 'subscribe', id: 2, topic: 'inventory', parameters: { hostId: '../x' } });
    expect(sent.map((message) => [message.type, codeOf(message)])).toEqual([
      ['ended', 'hostNotFound'],
      ['ended', 'invalidRequest'],
    ]);
  });
});

describe('a connection', () => {
  test('that closes cancels and disposes of everything and is silent afterwards', async () => {
    const dispose = vi.fn();
    const work = pending<typeof described>();
    let signal: AbortSignal | null = null;
    const { link, sent } = connect({
      requests: { 'application.describe': (_, context) => ((signal = context.signal), work.promise) },
      subscriptions: { hosts: () => dispose, notices: () => dispose },
    });
    link.receive(describeRequest(1));
    link.receive({ type: 'subscribe', id: 2, topic: 'hosts', parameters: {} });
    link.receive({ type: 'subscribe', id: 3, topic: 'notices', parameters: {} });
    link.close();
    link.close();
    expect(dispose).toHaveBeenCalledTimes(2);
    expect(signal).toMatchObject({ aborted: true });
    work.resolve(described);
    await work.promise;
    link.receive(describeRequest(4));
    await Promise.resolve();
    expect(sent).toEqual([]);
  });

  test('disposes of the rest where one disposer fails', () => {
    const dispose = vi.fn();
    const { link, lines } = connect({
      subscriptions: {
        hosts: () => () => {
          throw new Error('broken');
        },
        notices: () => dispose,
      },
    });
    link.receive({ type: 'subscribe', id: 2, topic: 'hosts', parameters: {} });
    link.receive({ type: 'subscribe', id: 3, topic: 'notices', parameters: {} });
    link.close();
    expect(dispose).toHaveBeenCalledTimes(1);
    expect(lines.join()).toContain('broken');
  });

  test('survives a pipe that throws', async () => {
    const { log, lines } = recordingLog();
    const handlers = stubHandlers({ requests: { 'application.describe': () => Promise.resolve(described) } });
    const send = vi.fn(() => {
      throw new Error('gone');
    });
    const link = createRendererLink({ handlers, log, send });
    link.receive(describeRequest(1));
    await vi.waitFor(() => {
      expect(send).toHaveBeenCalled();
    });
    expect(lines.join()).toContain('gone');
  });

  test.each([
    [{ type: 'request', id: 5 }, 'response'],
    [{ type: 'request', id: 5, name: 'x'.repeat(101), payload: {} }, 'response'],
    [{ type: 'request', id: 5, name: 'hosts.add', payload: {}, extra: 1 }, 'response'],
    [{ type: 'subscribe', id: 5, topic: 1 }, 'ended'],
    [{ type: 'nonsense', id: 5 }, 'response'],
    [{ id: 5 }, 'response'],
  ])('answers %j, which is no message, under its number', (raw, type) => {
    const { link, sent } = connect();
    link.receive(raw);
    expect(sent.map((message) => [message.type, message.id, codeOf(message)])).toEqual([[type, 5, 'invalidRequest']]);
  });

  test.each([
    [undefined],
    [null],
    ['text'],
    [[]],
    [{}],
    [{ type: 'request', id: -1, name: 'hosts.add', payload: {} }],
    [{ type: 'request', id: 1.5, name: 'hosts.add', payload: {} }],
    [{ type: 'cancel', id: 5, extra: 1 }],
    [{ type: 'unsubscribe', id: 5, extra: 1 }],
  ])('logs %j, which has nobody to answer', (raw) => {
    const { link, sent, lines } = connect();
    link.receive(raw);
    expect(sent).toEqual([]);
    expect(lines).toHaveLength(1);
  });

  test('survives a message with hostile getters', () => {
    const { link, sent } = connect();
    const hostile = {
      id: 1,
      get type(): string {
        throw new Error('hostile');
      },
    };
    link.receive(hostile);
    link.receive({ type: 'request', id: 2, name: 'x', payload: {} });
    expect(sent.map((message) => message.id)).toEqual([2]);
  });
});
