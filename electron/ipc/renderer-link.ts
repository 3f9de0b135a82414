/**
 * One renderer's link to the handlers: the place where messages are validated, both ways, and where everything
 * that a renderer opened is closed again. It speaks `shared/messages.ts` and knows nothing of how messages travel.
 */
import type { z } from 'zod';
import { requests, subscriptions } from '../../shared/contract.ts';
import type {
  RequestName,
  RequestPayload,
  ResponseValue,
  TopicEvent,
  TopicName,
  TopicParameters,
} from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { SnaptreeErrorData } from '../../shared/errors.ts';
import { clientMessageSchema } from '../../shared/messages.ts';
import type { ClientMessage, ServerMessage } from '../../shared/messages.ts';
import type { Log } from '../base/log.ts';
import { envelopeOf, invalidRequest } from './error-envelope.ts';
import type { Handlers, SubscriptionContext } from './handlers.ts';
import { createPacing } from './pacing.ts';

/** More than a renderer ever needs at once; a renderer that leaks is told so instead of filling the memory. */
const mostOpen = 1000;

/** Large events that may be on their way to a renderer at once: enough that it never waits, few enough that none pile up. */
const mostOnTheWay = 4;

/** The contract once more, in the shape in which a generic name keeps the schema and the handler's types together. */
type RequestSchemas = {
  readonly [Name in RequestName]: {
    readonly request: z.ZodType<RequestPayload<Name>>;
    readonly response: z.ZodType<ResponseValue<Name>>;
  };
};
type SubscriptionSchemas = {
  readonly [Name in TopicName]: {
    readonly parameters: z.ZodType<TopicParameters<Name>>;
    readonly event: z.ZodType<TopicEvent<Name>>;
  };
};
const requestSchemas: RequestSchemas = requests;
const subscriptionSchemas: SubscriptionSchemas = subscriptions;

export interface RendererLink {
  /** Takes one message as it arrived, whatever it is. Never throws. */
  receive(raw: unknown): void;
  /** Cancels and disposes of everything that is open. Nothing is sent afterwards. */
  close(): void;
}

export interface RendererLinkOptions {
  readonly handlers: Handlers;
  /** Sends one message to the renderer. */
  readonly send: (message: ServerMessage) => void;
  readonly log: Log;
}

/** Something that a client opened and that has not ended yet. */
interface Open {
  readonly kind: 'request' | 'subscription';
  readonly controller: AbortController;
  /** Set once a subscription's handler has given it. */
  dispose: (() => void) | null;
}

/**
 * A link that serves `handlers`. Each request gets exactly one `response`; a subscription gets `event`s until it is
 * unsubscribed, or one `ended`. A cancelled request is answered when its handler has settled, with what really happened.
 */
export function createRendererLink({ handlers, send, log }: RendererLinkOptions): RendererLink {
  const open = new Map<number, Open>();
  const pacing = createPacing(mostOnTheWay);
  let closed = false;

  function deliver(message: ServerMessage): void {
    if (closed) return;
    try {
      send(message);
    } catch (error) {
      log.warn('A message could not be sent to the renderer.', { type: message.type, id: message.id, error });
    }
  }

  function refuse(kind: Open['kind'], id: number, error: SnaptreeErrorData): void {
    deliver(kind === 'request' ? { type: 'response', id, ok: false, error } : { type: 'ended', id, error });
  }

  /** Why no more can be opened under `id`, or null. */
  function obstacle(id: number): SnaptreeErrorData | null {
    if (open.has(id)) {
      return new SnaptreeError('invalidRequest', `The number ${id} is in use by another request.`).toData();
    }
    if (open.size >= mostOpen) {
      const message = `There are ${mostOpen} requests and subscriptions open already.`;
      return new SnaptreeError('invalidRequest', message, { retryable: true }).toData();
    }
    return null;
  }

  function unknownName(name: string): SnaptreeErrorData {
    return new SnaptreeError('unknownRequest', `Snaptree has no request called ${JSON.stringify(name)}.`).toData();
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties the schema to its handler
  async function answer<Name extends RequestName>(id: number, name: Name, payload: unknown): Promise<void> {
    const parsed = requestSchemas[name].request.safeParse(payload);
    if (!parsed.success) {
      refuse('request', id, invalidRequest(name, parsed.error));
      return;
    }
    const entry: Open = { kind: 'request', controller: new AbortController(), dispose: null };
    open.set(id, entry);
    const { signal } = entry.controller;
    let message: ServerMessage;
    try {
      const value = await handlers.requests[name](parsed.data, { signal });
      const checked = requestSchemas[name].response.safeParse(value);
      message = checked.success
        ? { type: 'response', id, ok: true, value: checked.data }
        : { type: 'response', id, ok: false, error: invalidValue(name, checked.error) };
    } catch (error) {
      message = { type: 'response', id, ok: false, error: envelopeOf(error, name, signal, log) };
    }
    open.delete(id);
    deliver(message);
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it ties the schema to its handler
  function subscribe<Name extends TopicName>(id: number, topic: Name, parameters: unknown): void {
    const parsed = subscriptionSchemas[topic].parameters.safeParse(parameters);
    if (!parsed.success) {
      refuse('subscription', id, invalidRequest(topic, parsed.error));
      return;
    }
    const entry: Open = { kind: 'subscription', controller: new AbortController(), dispose: null };
    open.set(id, entry);
    const { signal } = entry.controller;
    const emit = (event: TopicEvent<Name>): void => {
      if (signal.aborted) return;
      const checked = subscriptionSchemas[topic].event.safeParse(event);
      if (checked.success) {
        deliver({ type: 'event', id, value: checked.data });
        return;
      }
      release(id, entry);
      refuse('subscription', id, invalidValue(topic, checked.error));
    };
    const context: SubscriptionContext<Name> = {
      signal,
      whenReady(next) {
        if (signal.aborted) return;
        pacing.wait(id, () => {
          const given = next();
          if (given === null) return false;
          if (given.checked) deliver({ type: 'event', id, value: given.event });
          else emit(given.event);
          return !signal.aborted;
        });
      },
    };
    try {
      const dispose = handlers.subscriptions[topic](parsed.data, emit, context);
      // It may have ended while its handler ran: by an invalid first value, or because `send` closed the connection.
      if (signal.aborted) runDispose(dispose);
      else entry.dispose = dispose;
    } catch (error) {
      const wasOpen = !signal.aborted;
      const envelope = envelopeOf(error, topic, signal, log);
      release(id, entry);
      if (wasOpen) refuse('subscription', id, envelope);
    }
  }

  function invalidValue(subject: string, error: z.ZodError): SnaptreeErrorData {
    log.error('A handler gave a value that does not match the contract.', {
      subject,
      issues: error.issues.slice(0, 20).map((issue) => ({ path: issue.path.map(String), message: issue.message })),
    });
    return new SnaptreeError(
      'invalidResponse',
      `Snaptree produced an answer to ${subject} that it cannot vouch for and held it back. The details are in its log.`,
    ).toData();
  }

  function release(id: number, entry: Open): void {
    if (open.get(id) === entry) open.delete(id);
    entry.controller.abort();
    pacing.ended(id);
    const { dispose } = entry;
    entry.dispose = null;
    if (dispose !== null) runDispose(dispose);
  }

  function runDispose(dispose: () => void): void {
    try {
      dispose();
    } catch (error) {
      log.error('A subscription could not be disposed of.', { error });
    }
  }

  function handle(message: ClientMessage): void {
    switch (message.type) {
      case 'request': {
        const { id, name, payload } = message;
        const refusal = obstacle(id) ?? (isRequestName(name) ? null : unknownName(name));
        if (refusal !== null) refuse('request', id, refusal);
        else if (isRequestName(name)) void answer(id, name, payload);
        break;
      }
      case 'subscribe': {
        const { id, topic, parameters } = message;
        const refusal = obstacle(id) ?? (isTopicName(topic) ? null : unknownName(topic));
        if (refusal !== null) refuse('subscription', id, refusal);
        else if (isTopicName(topic)) subscribe(id, topic, parameters);
        break;
      }
      case 'cancel': {
        // An id that is not open any more is a race, not an error.
        const entry = open.get(message.id);
        if (entry?.kind === 'request') entry.controller.abort();
        break;
      }
      case 'unsubscribe': {
        const entry = open.get(message.id);
        if (entry?.kind === 'subscription') release(message.id, entry);
        break;
      }
      case 'received':
        pacing.received(message.id);
        break;
    }
  }

  /** Says no to something that is not a message, under its id where it has one. */
  function reject(raw: unknown, error: z.ZodError): void {
    log.warn('The renderer sent something that is not a message.', {
      issues: error.issues.slice(0, 5).map((issue) => issue.message.slice(0, 200)),
    });
    const id = fieldOf(raw, 'id');
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) return;
    const type = fieldOf(raw, 'type');
    // These are never answered: an answer under their id would end what they point at.
    if (type === 'cancel' || type === 'unsubscribe' || type === 'received') return;
    refuse(type === 'subscribe' ? 'subscription' : 'request', id, invalidRequest('(unreadable)', error));
  }

  return {
    receive(raw) {
      if (closed) return;
      try {
        const message = clientMessageSchema.safeParse(raw);
        if (message.success) handle(message.data);
        else reject(raw, message.error);
      } catch (error) {
        // Only an object with hostile getters comes here; nothing that travelled as a message has any.
        log.error('A message from the renderer could not be handled.', { error });
      }
    },
    close() {
      if (closed) return;
      closed = true;
      for (const [id, entry] of [...open]) release(id, entry);
    },
  };
}

/** `Object.hasOwn`, so that `__proto__` and `constructor` are names like any other unknown one. */
function isRequestName(name: string): name is RequestName {
  return Object.hasOwn(requests, name);
}

function isTopicName(name: string): name is TopicName {
  return Object.hasOwn(subscriptions, name);
}

function fieldOf(raw: unknown, key: string): unknown {
  return typeof raw === 'object' && raw !== null ? Object.getOwnPropertyDescriptor(raw, key)?.value : undefined;
}
