/**
 * The command `snaptree`. Nothing is imported but what is loaded from here: a part of the bundle that imported this file
 * would wait for it to end.
 */
const { main } = await import('./main.ts');

process.exitCode = await main(process.argv.slice(2));

export {};
