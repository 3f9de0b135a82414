/**
 * What the double injects into a page. The functions are turned into text, so that they use nothing from outside; two
 * worlds of one document share its DOM, and speak through events whose details are text.
 */

/** For the page's own world: makes what the preload exposes, as `contextBridge` does. */
export function mainWorld(secret: string): void {
  const listeners = new Map<number, (...values: unknown[]) => void>();
  let nextListener = 0;
  let returned: unknown;
  const parse = (event: Event): Record<string, unknown> => {
    const value: unknown = event instanceof CustomEvent ? JSON.parse(String(event.detail)) : null;
    return typeof value === 'object' && value !== null ? { ...value } : {};
  };
  const call = (path: unknown, values: readonly unknown[]): unknown => {
    const encoded = values.map((value) => {
      if (typeof value !== 'function') return { value };
      nextListener += 1;
      listeners.set(nextListener, (...given) => {
        Reflect.apply(value, undefined, given);
      });
      return { listener: nextListener };
    });
    returned = undefined;
    // The other world answers within the dispatch.
    dispatchEvent(new CustomEvent(`${secret}-call`, { detail: JSON.stringify({ path, values: encoded }) }));
    const result = returned;
    return typeof result === 'number' ? () => call(result, []) : undefined;
  };
  addEventListener(`${secret}-return`, (event) => {
    returned = parse(event)['function'];
  });
  addEventListener(`${secret}-invoke`, (event) => {
    const { listener, values } = parse(event);
    if (typeof listener === 'number' && Array.isArray(values)) listeners.get(listener)?.(...(values as unknown[]));
  });
  addEventListener(`${secret}-expose`, (event) => {
    const { name, keys } = parse(event);
    if (typeof name !== 'string' || !Array.isArray(keys)) return;
    const api = Object.fromEntries(
      keys.map((key) => [String(key), (...values: unknown[]) => call(String(key), values)] as const),
    );
    Object.defineProperty(globalThis, name, { value: Object.freeze(api), enumerable: true });
  });
}

/** For the preload's world: `require('electron')`, as a sandboxed preload gets it. `send` is a binding of CDP. */
export function isolatedWorld(secret: string, send: string): Record<string, unknown> {
  type Listener = (...values: unknown[]) => unknown;
  const functions = new Map<unknown, Listener>();
  const channels = new Map<string, Listener[]>();
  let nextFunction = 0;
  const dispatch = (kind: string, detail: unknown): void => {
    dispatchEvent(new CustomEvent(`${secret}-${kind}`, { detail: JSON.stringify(detail) }));
  };
  addEventListener(`${secret}-call`, (event) => {
    const { path, values } = JSON.parse(String((event as CustomEvent).detail)) as {
      path: unknown;
      values: { value?: unknown; listener?: number }[];
    };
    const decoded = values.map(({ value, listener }) =>
      listener === undefined
        ? value
        : (...given: unknown[]) => {
            dispatch('invoke', { listener, values: given });
          },
    );
    const result = functions.get(path)?.(...decoded);
    if (typeof result !== 'function') return;
    nextFunction += 1;
    functions.set(nextFunction, result as Listener);
    dispatch('return', { function: nextFunction });
  });
  const ipcRenderer = {
    send(channel: string, ...values: unknown[]) {
      (Reflect.get(globalThis, send) as (text: string) => void)(JSON.stringify({ channel, values }));
    },
    on(channel: string, listener: Listener) {
      channels.set(channel, [...(channels.get(channel) ?? []), listener]);
    },
    off(channel: string, listener: Listener) {
      channels.set(
        channel,
        (channels.get(channel) ?? []).filter((one) => one !== listener),
      );
    },
  };
  // For the double alone: what main sends arrives here.
  Object.defineProperty(globalThis, `${secret}Deliver`, {
    value: (channel: string, values: unknown[]) => {
      for (const listener of channels.get(channel) ?? []) listener({ sender: ipcRenderer }, ...values);
    },
  });
  const contextBridge = {
    exposeInMainWorld(name: string, api: Record<string, Listener>) {
      for (const [key, member] of Object.entries(api)) {
        if (typeof member !== 'function') throw new Error('The double exposes functions only.');
        functions.set(key, member);
      }
      dispatch('expose', { name, keys: Object.keys(api) });
    },
  };
  return { contextBridge, ipcRenderer };
}
