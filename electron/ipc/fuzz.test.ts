import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requests, subscriptions } from '../../shared/contract.ts';
import { serverMessageSchema } from '../../shared/messages.ts';
import type { ServerMessage } from '../../shared/messages.ts';
import type { Application } from '../application/application-factory.ts';
import { createApplication } from '../application/application.ts';
import { createRendererLink } from './renderer-link.ts';
import { recordingLog } from './stub-handlers.fixtures.ts';

/** The keys of the contract with values of every kind, so that junk gets past the first check now and then. */
const nearlyRight = fc.dictionary(
  fc.constantFrom(
    'hostId',
    'settings',
    'request',
    'planId',
    'operationId',
    'questionId',
    'answer',
    'noticeId',
    '__proto__',
  ),
  fc.oneof(
    fc.uuid(),
    fc.string(),
    fc.anything(),
    fc.record({ kind: fc.oneof(fc.constantFrom('accept', 'secret', 'createInternal'), fc.string()), vmId: fc.uuid() }),
  ),
);
const junk = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
  nearlyRight,
);

/** Codes that would mean a bug of ours rather than a clear no. */
const bugs = ['internalError', 'invalidResponse'];

describe('the application’s handlers', () => {
  let folder = '';
  let application: Application;
  const { log } = recordingLog();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'snaptree-fuzz-'));
    application = await createApplication({ dataFolder: folder, shell: 'browser', log });
  });
  afterAll(async () => {
    await application.dispose();
    await rm(folder, { recursive: true });
  });

  /** The first answer to `message`, on a connection of its own. */
  async function exchange(message: unknown): Promise<ServerMessage> {
    const first = Promise.withResolvers<ServerMessage>();
    const link = createRendererLink({
      handlers: application.handlers,
      log,
      send: (answer) => {
        first.resolve(serverMessageSchema.parse(answer));
      },
    });
    link.receive(message);
    const answer = await first.promise;
    link.close();
    return answer;
  }

  test.each(Object.keys(requests).filter((name) => name !== 'application.describe'))(
    '%s rejects junk clearly and survives',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(junk, async (payload) => {
          const answer = await exchange({ type: 'request', id: 1, name, payload });
          expect(answer).toMatchObject({ type: 'response', id: 1 });
          if ('error' in answer) {
            expect(bugs).not.toContain(answer.error.code);
            expect(answer.error.message.length).toBeGreaterThan(10);
            expect(answer.error.message.length).toBeLessThan(2000);
          }
        }),
        { numRuns: 60 },
      );
      expect(await exchange({ type: 'request', id: 2, name: 'application.describe', payload: {} })).toMatchObject({
        ok: true,
      });
    },
  );

  test.each(Object.keys(subscriptions))('%s rejects junk clearly and survives', async (topic) => {
    await fc.assert(
      fc.asyncProperty(junk, async (parameters) => {
        const answer = await exchange({ type: 'subscribe', id: 1, topic, parameters });
        expect(['ended', 'event']).toContain(answer.type);
        if ('error' in answer) expect(bugs).not.toContain(answer.error.code);
      }),
      { numRuns: 60 },
    );
  });

  test('a connection survives whatever is sent instead of messages', async () => {
    const message = fc.oneof(
      fc.anything(),
      fc.record({
        type: fc.oneof(fc.constantFrom('request', 'cancel', 'subscribe', 'unsubscribe'), fc.anything()),
        id: fc.oneof(fc.nat(5), fc.anything()),
        name: fc.oneof(fc.string(), fc.anything()),
        topic: fc.oneof(fc.constantFrom('hosts', 'notices', '__proto__'), fc.anything()),
        payload: fc.anything(),
        parameters: fc.anything(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(message), async (messages) => {
        const link = createRendererLink({
          handlers: application.handlers,
          log,
          send: (answer) => serverMessageSchema.parse(answer),
        });
        for (const one of messages) link.receive(one);
        link.close();
        const answer = await exchange({ type: 'request', id: 1, name: 'application.describe', payload: {} });
        expect(answer).toMatchObject({ ok: true });
      }),
    );
  });

  test('there is exactly one handler for each entry of the contract', () => {
    expect(Object.keys(application.handlers.requests).sort()).toEqual(Object.keys(requests).sort());
    expect(Object.keys(application.handlers.subscriptions).sort()).toEqual(Object.keys(subscriptions).sort());
  });
});
