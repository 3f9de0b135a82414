/** The command line as a client of the application: it asks through the contract, as a renderer does. */
import { requests } from '../../../shared/contract.ts';
import type {
  RequestName,
  RequestPayload,
  ResponseValue,
  TopicEvent,
  TopicName,
  TopicParameters,
} from '../../../shared/contract.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { Inventory } from '../../../shared/model/inventory.ts';
import type { Application } from '../../application/application-factory.ts';
import { envelopeOf, invalidRequest } from '../../ipc/error-envelope.ts';
import { listen } from '../../ipc/listen.ts';
import type { Log } from '../../base/log.ts';
import type { Asker } from './questions.ts';

export interface HostReading {
  readonly host: Host;
  readonly inventory: Inventory;
}

export interface Client {
  readonly application: Application;
  /** Throws a `SnaptreeError`, whatever happens. */
  ask<Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<ResponseValue<Name>>;
  /** Calls `listener` with the present value and every new one. Gives a function that stops it. */
  watch<Name extends TopicName>(
    name: Name,
    parameters: TopicParameters<Name>,
    listener: (event: TopicEvent<Name>) => void,
  ): () => void;
  /** The present value of a subscription. */
  present<Name extends TopicName>(name: Name, parameters: TopicParameters<Name>): TopicEvent<Name>;
  hosts(): readonly Host[];
  /** Connects where there is no connection yet. Throws what connecting throws, and says what could not be asked. */
  connect(host: Host): Promise<void>;
  /** Connects and reads. Throws what connecting and reading throw. */
  read(host: Host): Promise<HostReading>;
  /** Ends all sessions. What runs detached on a host goes on there. */
  close(): Promise<void>;
}

export interface ClientParts {
  readonly application: Application;
  readonly log: Log;
  /** Aborted when the user interrupts; every request is cancelled then. */
  readonly signal: AbortSignal;
  /** Answers the questions of connecting. */
  readonly asker: Asker;
  /** Says something to the user on stderr. */
  readonly warn: (message: string) => void;
}

export function createClient({ application, log, signal, asker, warn }: ClientParts): Client {
  const { handlers } = application;

  async function ask<Name extends RequestName>(
    name: Name,
    payload: RequestPayload<Name>,
  ): Promise<ResponseValue<Name>> {
    const parsed = requests[name].request.safeParse(payload);
    if (!parsed.success) throw SnaptreeError.fromData(invalidRequest(name, parsed.error));
    try {
      return await handlers.requests[name](payload, { signal });
    } catch (error) {
      throw SnaptreeError.fromData(envelopeOf(error, name, signal, log));
    }
  }

  function watch<Name extends TopicName>(
    name: Name,
    parameters: TopicParameters<Name>,
    listener: (event: TopicEvent<Name>) => void,
  ): () => void {
    return listen(handlers, name, parameters, listener);
  }

  function present<Name extends TopicName>(name: Name, parameters: TopicParameters<Name>): TopicEvent<Name> {
    const found: TopicEvent<Name>[] = [];
    watch(name, parameters, (event) => found.push(event))();
    const [first] = found;
    if (first === undefined) throw new Error(`the subscription ${name} gave no present value`);
    return first;
  }

  const stopAsking = watch('questions', {}, (questions) => {
    asker.answer(questions, (questionId, answer) => {
      // Too late is no harm: the attempt has ended, and says why.
      void ask('questions.answer', { questionId, answer }).catch(() => undefined);
    });
  });

  const told = new Set<string>();
  const stopNotices = watch('notices', {}, (notices) => {
    for (const { id, message } of notices) {
      if (!told.has(id)) warn(message);
      told.add(id);
    }
  });

  async function connect(host: Host): Promise<void> {
    try {
      await ask('hosts.connect', { hostId: host.id });
    } catch (error) {
      throw asker.unanswered(host.id) ?? error;
    }
  }

  return {
    application,
    ask,
    watch,
    present,
    hosts: () => present('hosts', {}).map(({ host }) => host),
    connect,
    async read(host) {
      await connect(host);
      const event = present('inventory', { hostId: host.id });
      const state = event.kind === 'all' ? event.state : null;
      if (state?.error) throw SnaptreeError.fromData(state.error);
      if (!state?.inventory) {
        throw new SnaptreeError('hostUnreachable', `${host.name} could not be read. Try again.`, { retryable: true });
      }
      return { host, inventory: state.inventory };
    },
    async close() {
      stopAsking();
      stopNotices();
      await application.dispose();
    },
  };
}
