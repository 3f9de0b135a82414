import { useCallback, useEffect, useRef, useState } from 'react';
import type { SnaptreeError } from '../../shared/errors.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import { asSnaptreeError } from './client.ts';
import { useClient } from './client-context.ts';

export interface RequestState<Name extends RequestName> {
  readonly pending: boolean;
  readonly error: SnaptreeError | null;
  readonly value: ResponseValue<Name> | null;
  /** Asks; gives the answer, or null where it failed (then `error` says why) or was overtaken. */
  readonly send: (payload: RequestPayload<Name>) => Promise<ResponseValue<Name> | null>;
  /** Cancels what is under way, and forgets the last answer or error. */
  readonly reset: () => void;
}

/** One request of a view, with its state. A new one overtakes the one before; unmounting cancels. */
export function useRequest<Name extends RequestName>(name: Name): RequestState<Name> {
  const client = useClient();
  const running = useRef<AbortController | null>(null);
  const [state, setState] = useState<Pick<RequestState<Name>, 'pending' | 'error' | 'value'>>({
    pending: false,
    error: null,
    value: null,
  });

  const cancel = useCallback(() => {
    running.current?.abort();
    running.current = null;
  }, []);
  useEffect(() => cancel, [cancel]);

  const send = useCallback(
    async (payload: RequestPayload<Name>) => {
      cancel();
      const controller = new AbortController();
      running.current = controller;
      const isOvertaken = () => running.current !== controller;
      setState((before) => ({ ...before, pending: true, error: null }));
      try {
        const value = await client.request(name, payload, { signal: controller.signal });
        if (isOvertaken()) return null;
        setState({ pending: false, error: null, value });
        return value;
      } catch (thrown) {
        // Overtaken, reset or unmounted: the state is somebody else's by now.
        if (isOvertaken()) return null;
        setState((before) => ({ ...before, pending: false, error: asSnaptreeError(thrown) }));
        return null;
      }
    },
    [cancel, client, name],
  );

  const reset = useCallback(() => {
    cancel();
    setState({ pending: false, error: null, value: null });
  }, [cancel]);

  return { ...state, send, reset };
}
