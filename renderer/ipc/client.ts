/**
 * The renderer's end of the IPC contract: requests as promises, subscriptions as listeners, over whatever pipe the shell
 * gives. Replies are validated again here: a text that a host printed travels in them.
 */
import {
  requests,
  subscriptions,
  type RequestName,
  type RequestPayload,
  type ResponseValue,
  type TopicEvent,
  type TopicName,
  type TopicParameters,
} from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { ServerMessage, ShellPipe } from '../../shared/messages.ts';

/** A pipe that may also go away and come back. A pipe without `watchConnection` is always connected. */
export interface ClientPipe extends ShellPipe {
  /** Calls `listener` at once with the present state, then at every change. */
  watchConnection?(listener: (connected: boolean) => void): () => void;
}

export interface TopicListener<Name extends TopicName> {
  next(value: TopicEvent<Name>): void;
  /** The subscription ended with an error, or delivered something that is not of the contract. */
  failed(error: SnaptreeError): void;
}

export interface Client {
  /** Asks once. Rejects with a SnaptreeError, always. `signal` cancels the request in the main process too. */
  request<Name extends RequestName>(
    name: Name,
    payload: RequestPayload<Name>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ResponseValue<Name>>;
  /** Listens until the function that it gives is called. Made again by itself after the pipe was away. */
  subscribe<Name extends TopicName>(
    topic: Name,
    parameters: TopicParameters<Name>,
    listener: TopicListener<Name>,
  ): () => void;
  watchConnection(listener: (connected: boolean) => void): () => void;
}

interface Subscription {
  readonly topic: string;
  readonly parameters: unknown;
  receive(message: ServerMessage): void;
}

const disconnected = () =>
  new SnaptreeError(
    'shellDisconnected',
    'The connection to Snaptree itself was lost, so it is not known whether this was done. ' +
      'Wait until the connection is back and look at the state shown then.',
  );

/** The client over `pipe`. Make one per page. */
export function createClient(pipe: ClientPipe): Client {
  let nextId = 1;
  const pending = new Map<number, (message: ServerMessage | null) => void>();
  const subscribed = new Map<number, Subscription>();
  const connectionListeners = new Set<(connected: boolean) => void>();
  let connected: boolean | null = null;

  pipe.subscribe((message) => {
    if (message.type === 'response') pending.get(message.id)?.(message);
    else subscribed.get(message.id)?.receive(message);
  });

  const connectionChanged = (now: boolean) => {
    const before = connected;
    connected = now;
    if (before === now) return;
    if (!now) for (const settle of [...pending.values()]) settle(null);
    // At the first connection too: a subscription may have been made while there was nobody to hear it.
    if (now) for (const [id, subscription] of subscribed) announce(id, subscription);
    for (const listener of connectionListeners) listener(now);
  };

  const announce = (id: number, { topic, parameters }: Subscription) => {
    pipe.call({ type: 'subscribe', id, topic, parameters });
  };

  if (pipe.watchConnection) pipe.watchConnection(connectionChanged);
  else connected = true;

  return {
    request(name, payload, { signal } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(cancelled());
          return;
        }
        const id = nextId++;
        const settle = (message: ServerMessage | null) => {
          pending.delete(id);
          signal?.removeEventListener('abort', abort);
          if (message?.type !== 'response') {
            reject(message === null ? disconnected() : cancelled());
          } else if (!message.ok) {
            reject(SnaptreeError.fromData(message.error));
          } else {
            const value = requests[name].response.safeParse(message.value);
            // The schema is the one of `name`; TypeScript cannot follow an index into a generic record.
            if (value.success) resolve(value.data as ResponseValue<typeof name>);
            else reject(notOfTheContract(name));
          }
        };
        const abort = () => {
          pipe.call({ type: 'cancel', id });
          pending.delete(id);
          reject(cancelled());
        };
        pending.set(id, settle);
        signal?.addEventListener('abort', abort, { once: true });
        pipe.call({ type: 'request', id, name, payload });
      });
    },

    subscribe(topic, parameters, listener) {
      const id = nextId++;
      const schema = subscriptions[topic].event;
      const subscription: Subscription = {
        topic,
        parameters,
        receive(message) {
          if (message.type === 'event') {
            try {
              const value = schema.safeParse(message.value);
              if (value.success) listener.next(value.data as TopicEvent<typeof topic>);
              else listener.failed(notOfTheContract(topic));
            } finally {
              // The listener may have ended it.
              if (subscribed.has(id)) pipe.call({ type: 'received', id });
            }
          } else if (message.type === 'ended' && message.error.code !== 'shellDisconnected') {
            subscribed.delete(id);
            listener.failed(SnaptreeError.fromData(message.error));
          }
        },
      };
      subscribed.set(id, subscription);
      if (connected) announce(id, subscription);
      return () => {
        if (subscribed.delete(id) && connected) pipe.call({ type: 'unsubscribe', id });
      };
    },

    watchConnection(listener) {
      connectionListeners.add(listener);
      listener(connected ?? false);
      return () => connectionListeners.delete(listener);
    },
  };
}

function cancelled(): SnaptreeError {
  return new SnaptreeError('cancelled', 'This was cancelled.');
}

function notOfTheContract(name: string): SnaptreeError {
  return new SnaptreeError(
    'invalidResponse',
    `Snaptree answered "${name}" with something that this window does not understand. ` +
      'Reload the window; if it happens again, window and application are of different versions.',
  );
}

/** The error that a view can show, whatever was thrown. Anything but a SnaptreeError is a slip of ours. */
export function asSnaptreeError(thrown: unknown): SnaptreeError {
  if (thrown instanceof SnaptreeError) return thrown;
  return new SnaptreeError('internalError', `Something in this window went wrong: ${String(thrown)}.`);
}
