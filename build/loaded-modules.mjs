/** `node --import` of this: when the process ends, the files that it loaded as modules, one JSON array, on descriptor 3. */
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import process from 'node:process';

const urls = [];
registerHooks({
  load(url, context, next) {
    urls.push(url);
    return next(url, context);
  },
});
process.on('exit', () => {
  writeSync(3, JSON.stringify(urls));
});
