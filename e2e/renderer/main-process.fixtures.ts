/**
 * Serves the built window with the product's own headers, and plays the main process behind it: what a test puts into
 * `state` is what the window is told. Nothing of this is part of the product.
 */
import { createServer } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { unreadInventory } from '../../shared/model/host.fixtures.ts';
import { createInventoryFeed, type InventoryFeed } from '../../electron/inventory/inventory-feed.ts';
import { securityHeaders } from '../../electron/page/content-security-policy.ts';
import { createToken } from '../../electron/headless/access.ts';
import { takeHandshake } from '../../electron/headless/handshake.ts';
import { readStaticFiles } from '../../electron/page/static-files.ts';
import {
  requests,
  type InventoryState,
  type Notice,
  type RequestName,
  type RequestPayload,
  type ResponseValue,
} from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import { clientMessageSchema, type ClientMessage, type ServerMessage } from '../../shared/messages.ts';
import type { Batch, BatchPlan } from '../../shared/model/batch.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Operation, StepProgress } from '../../shared/model/operation.ts';
import type { Question } from '../../shared/model/question.ts';
import type { ReportState } from '../../shared/model/report.ts';
import { batchOf, fakeBatchPlan } from './batches.fixtures.ts';
import { fakePlan, operationOf } from './plans.fixtures.ts';

export type Handlers = {
  [Name in RequestName]?: (payload: RequestPayload<Name>) => ResponseValue<Name> | Promise<ResponseValue<Name>>;
};

export interface Harness {
  readonly url: string;
  /** Every request that the window made, in order. */
  readonly calls: { readonly name: string; readonly payload: unknown }[];
  /** What the fake main process answers, instead of its defaults. */
  handlers: Handlers;
  setHosts(hosts: readonly HostWithSession[]): void;
  setInventory(hostId: string, inventory: Partial<InventoryState>): void;
  /** The inventory that was set last. Throws where there is none. */
  inventoryOf(hostId: string): Inventory;
  setQuestions(questions: readonly Question[]): void;
  setNotices(notices: readonly Notice[]): void;
  /** How far every report is. */
  setReport(report: ReportState): void;
  setOperations(operations: readonly Operation[]): void;
  changeOperation(operation: Operation): void;
  setBatches(batches: readonly Batch[]): void;
  changeBatch(batch: Batch): void;
  /** How far the steps are that run. */
  setStepProgress(progress: readonly StepProgress[]): void;
  /** Forgets everything that was set. */
  reset(): void;
  /** Cuts every connection; new ones are refused while `refuse` is true. */
  cut(refuse: boolean): void;
  close(): Promise<void>;
}

interface Live {
  readonly socket: WebSocket;
  readonly id: number;
  readonly topic: string;
  readonly hostId: string | null;
  /** Of a subscription to an inventory. */
  readonly feed: InventoryFeed;
}

export async function startHarness(folder: string): Promise<Harness> {
  const files = await readStaticFiles(folder);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = files.find(pathname === '/' ? '/index.html' : pathname);
    response.writeHead(file ? 200 : 404, { ...securityHeaders, ...file?.headers });
    response.end(file?.body);
  });
  const sockets = new WebSocketServer({ noServer: true });
  let refusing = false;
  server.on('upgrade', (request, socket, head) => {
    if (refusing) socket.destroy();
    else sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request));
  });

  let hosts: readonly HostWithSession[] = [];
  let inventories = new Map<string, InventoryState>();
  let questions: readonly Question[] = [];
  let notices: readonly Notice[] = [];
  let report: ReportState = { hosts: [], report: null };
  let operations = new Map<string, Operation>();
  let batches = new Map<string, Batch>();
  let stepProgress: readonly StepProgress[] = [];
  let live: Live[] = [];
  const calls: Harness['calls'] = [];
  const plans = new Map<string, ReturnType<typeof fakePlan>>();
  const batchPlans = new Map<string, BatchPlan>();

  const send = (socket: WebSocket, message: ServerMessage) => {
    socket.send(JSON.stringify(message));
  };
  /** Null where there is nothing to tell. */
  const valueOf = ({ topic, hostId, feed }: Live): unknown => {
    if (topic === 'hosts') return hosts;
    if (topic === 'inventory') return feed.next(inventories.get(hostId ?? '') ?? unreadInventory);
    if (topic === 'questions') return questions;
    if (topic === 'operations') return { kind: 'all', operations: [...operations.values()] };
    if (topic === 'batches') return { kind: 'all', batches: [...batches.values()] };
    if (topic === 'stepProgress') return stepProgress;
    if (topic === 'unreadableOperations') return [];
    if (topic === 'report') return report;
    return notices;
  };
  const publish = (topic: string, hostId: string | null = null) => {
    for (const subscription of live) {
      if (subscription.topic !== topic || (hostId !== null && subscription.hostId !== hostId)) continue;
      const value = valueOf(subscription);
      if (value !== null) send(subscription.socket, { type: 'event', id: subscription.id, value });
    }
  };
  const tell = (topic: string, value: unknown) => {
    for (const subscription of live) {
      if (subscription.topic === topic) send(subscription.socket, { type: 'event', id: subscription.id, value });
    }
  };
  const inventoryOf = (hostId: string): Inventory => {
    const inventory = inventories.get(hostId)?.inventory;
    if (!inventory) throw new SnaptreeError('hostNotConnected', 'This host is not connected.');
    return inventory;
  };

  const defaults: Handlers = {
    'application.describe': () => ({ version: '0.1.0', shell: 'browser', dataFolder: '/home/admin', userName: 'root' }),
    'questions.answer': ({ questionId }) => {
      questions = questions.filter((question) => question.id !== questionId);
      publish('questions');
      return {};
    },
    'plans.create': ({ hostId, request }) => {
      const inventory = inventoryOf(hostId);
      const vm = inventory.vms.find((candidate) => candidate.uuid === request.vmUuid);
      if (!vm?.readable) throw new SnaptreeError('vmNotFound', 'The VM is gone.');
      const plan = fakePlan(hostId, vm, inventory, request);
      plans.set(plan.id, plan);
      return plan;
    },
    'operations.start': ({ planId }) => {
      const plan = plans.get(planId);
      if (!plan) throw new SnaptreeError('planNotFound', 'The plan is not known.');
      const operation = operationOf(plan, operations.size + 1);
      operations.set(operation.id, operation);
      publish('operations');
      return { operationId: operation.id };
    },
    'batches.plan': ({ requests: asked }) => {
      const made = fakeBatchPlan(asked, inventoryOf, (hostId) => {
        return hosts.find(({ host }) => host.id === hostId)?.host.name ?? '';
      });
      batchPlans.set(made.id, made);
      return made;
    },
    'batches.start': ({ batchPlanId }) => {
      const plan = batchPlans.get(batchPlanId);
      if (!plan) throw new SnaptreeError('planNotFound', 'The plan of the batch is not known.');
      const batch = batchOf(plan, batches.size + 1);
      batches.set(batch.id, batch);
      publish('batches');
      return { batchId: batch.id };
    },
    'notices.dismiss': ({ noticeId }) => {
      notices = notices.filter((notice) => notice.id !== noticeId);
      publish('notices');
      return {};
    },
  };
  let handlers: Handlers = {};

  const answer = async (message: ClientMessage & { type: 'request' }): Promise<ServerMessage> => {
    const { id, name, payload } = message;
    calls.push({ name, payload });
    try {
      const contract = Object.entries(requests).find(([candidate]) => candidate === name);
      if (!contract) throw new SnaptreeError('unknownRequest', `No request is called ${name}.`);
      contract[1].request.parse(payload);
      const all: Readonly<Record<string, unknown>> = { ...defaults, ...handlers };
      const handler = all[name];
      const value: unknown =
        typeof handler === 'function' ? await (handler as (given: unknown) => unknown)(payload) : {};
      return { type: 'response', id, ok: true, value };
    } catch (error) {
      const known = error instanceof SnaptreeError ? error : new SnaptreeError('internalError', String(error));
      return { type: 'response', id, ok: false, error: known.toData() };
    }
  };

  const key = createToken();
  sockets.on('connection', (socket) => {
    // As the browser shell does it, but every token is good: nothing here is worth guarding.
    void takeHandshake(socket, { key, useToken: () => true, patience: 30_000 }).then((refusal) => {
      if (refusal === null) serve(socket);
      else socket.close();
    });
  });
  const serve = (socket: WebSocket) => {
    socket.on('close', () => {
      live = live.filter((subscription) => subscription.socket !== socket);
    });
    socket.on('message', (data: Buffer) => {
      const message = clientMessageSchema.parse(JSON.parse(data.toString('utf8')));
      if (message.type === 'request') {
        void answer(message).then((reply) => {
          send(socket, reply);
        });
      } else if (message.type === 'subscribe') {
        const { hostId } = { hostId: null, ...(message.parameters as { hostId?: string }) };
        const subscription = { socket, id: message.id, topic: message.topic, hostId, feed: createInventoryFeed() };
        live.push(subscription);
        send(socket, { type: 'event', id: message.id, value: valueOf(subscription) });
      } else if (message.type === 'unsubscribe') {
        live = live.filter((subscription) => subscription.socket !== socket || subscription.id !== message.id);
      }
    });
  };

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The harness has no port.');

  return {
    url: `http://127.0.0.1:${address.port}/?token=harness`,
    calls,
    get handlers() {
      return handlers;
    },
    set handlers(value) {
      handlers = value;
    },
    setHosts(value) {
      hosts = value;
      publish('hosts');
    },
    setInventory(hostId, value) {
      inventories.set(hostId, { ...(inventories.get(hostId) ?? unreadInventory), ...value });
      publish('inventory', hostId);
    },
    inventoryOf,
    setQuestions(value) {
      questions = value;
      publish('questions');
    },
    setNotices(value) {
      notices = value;
      publish('notices');
    },
    setReport(value) {
      report = value;
      publish('report');
    },
    setOperations(value) {
      operations = new Map(value.map((operation) => [operation.id, operation]));
      publish('operations');
    },
    changeOperation(operation) {
      operations.set(operation.id, operation);
      tell('operations', { kind: 'changed', operation });
    },
    setBatches(value) {
      batches = new Map(value.map((batch) => [batch.id, batch]));
      publish('batches');
    },
    changeBatch(batch) {
      batches.set(batch.id, batch);
      tell('batches', { kind: 'changed', batch });
    },
    setStepProgress(progress) {
      stepProgress = progress;
      publish('stepProgress');
    },
    reset() {
      stepProgress = [];
      hosts = [];
      inventories = new Map();
      questions = [];
      notices = [];
      report = { hosts: [], report: null };
      operations = new Map();
      batches = new Map();
      handlers = {};
      calls.length = 0;
      refusing = false;
    },
    cut(refuse) {
      refusing = refuse;
      for (const socket of sockets.clients) socket.terminate();
    },
    close() {
      for (const socket of sockets.clients) socket.terminate();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      });
    },
  };
}
