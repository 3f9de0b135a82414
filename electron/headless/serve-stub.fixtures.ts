/** The browser shell over handlers that know nothing, as a program: `serve-stub.ts FOLDER [OPTIONS]`. */
import { stubHandlers } from '../ipc/stub-handlers.fixtures.ts';
import { createLog } from '../base/log.ts';
import { parseServeOptions, serve } from './serve.ts';

const [rendererFolder = '', ...parameters] = process.argv.slice(2);
const log = createLog();
await serve(parseServeOptions(parameters), {
  createApplication: () =>
    Promise.resolve({
      handlers: stubHandlers(),
      addVisitor: () => {
        throw new Error('not asked for');
      },
      wake: () => undefined,
      dispose: () => {
        log.info('disposed');
        return Promise.resolve();
      },
    }),
  log,
  rendererFolder,
});
