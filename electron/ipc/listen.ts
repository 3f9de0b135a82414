/** Subscriptions of who lives in the same process as their handlers: nothing has to travel, so nothing is held back. */
import type { TopicEvent, TopicName, TopicParameters } from '../../shared/contract.ts';
import type { Handlers } from './handlers.ts';

/** Calls `listener` with the present value and every new one. Gives a function that stops it. Throws what the handler throws. */
export function listen<Name extends TopicName>(
  { subscriptions }: Handlers,
  name: Name,
  parameters: TopicParameters<Name>,
  listener: (event: TopicEvent<Name>) => void,
): () => void {
  const controller = new AbortController();
  const stop = subscriptions[name](parameters, listener, {
    signal: controller.signal,
    whenReady(next) {
      const given = next();
      if (given !== null) listener(given.event);
    },
  });
  return () => {
    controller.abort();
    stop();
  };
}
