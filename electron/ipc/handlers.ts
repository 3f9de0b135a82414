/**
 * What the main process does for a renderer: exactly one handler for each entry of the contract.
 *
 * The types make a missing or an additional handler a compile error where the application composes them.
 */
import type {
  RequestName,
  RequestPayload,
  ResponseValue,
  TopicEvent,
  TopicName,
  TopicParameters,
} from '../../shared/contract.ts';

export interface RequestContext {
  /** Aborted when the renderer cancels the request or goes away. */
  readonly signal: AbortSignal;
}

/**
 * Answers one request. `payload` has been validated; the answer will be. Rejects with a `SnaptreeError` for everything
 * that the user should read; any other rejection is a bug and reaches the renderer as `internalError` without details.
 */
export type RequestHandler<Name extends RequestName> = (
  payload: RequestPayload<Name>,
  context: RequestContext,
) => Promise<ResponseValue<Name>>;

export interface SubscriptionContext<Name extends TopicName> {
  /** Aborted when the subscription ends. */
  readonly signal: AbortSignal;
  /**
   * Calls `next`, once, when the renderer has dealt with what it was sent before, and delivers what it gives, if anything.
   * For subscriptions with large events: what happens meanwhile goes into one event instead of a queue. What `next` gives
   * is delivered as it is where it is `checked`, because it was validated where it came in.
   */
  readonly whenReady: (next: () => { readonly event: TopicEvent<Name>; readonly checked: boolean } | null) => void;
}

/**
 * Delivers the present value and then every new one through `emit` until the function that it gives back is called,
 * which happens exactly once (`signal` is aborted just before). `emit` never throws and is ignored afterwards. Throws a
 * `SnaptreeError` where the subscription cannot be opened.
 */
export type SubscriptionHandler<Name extends TopicName> = (
  parameters: TopicParameters<Name>,
  emit: (event: TopicEvent<Name>) => void,
  context: SubscriptionContext<Name>,
) => () => void;

export interface Handlers {
  readonly requests: { readonly [Name in RequestName]: RequestHandler<Name> };
  readonly subscriptions: { readonly [Name in TopicName]: SubscriptionHandler<Name> };
}
