import { withDemoFleet } from '../../../application/demo-application.ts';
import type { CommandContext } from '../context.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';
import { wholeNumber } from './shared-options.ts';

export function addServe(program: Program, context: CommandContext): void {
  program
    .command('serve')
    .summary('serve the window to a browser on this computer')
    .description(
      'Serve Snaptree to a browser on this computer until Ctrl-C. Prints the address, which holds a token, on stdout. Only ' +
        'this computer can reach it; other users of it are kept out.',
    )
    .option('--no-open', 'do not open the browser')
    .option('--port <port>', 'the port; 0 for any that is free', wholeNumber(0, 65_535), 0)
    .addHelpText('after', examples('snaptree serve', 'snaptree --demo serve --port 8080 --no-open'))
    .action(async (_options, command) => {
      const options = command.optsWithGlobals();
      const { createApplication } = context;
      await context.attempt(options, async () => {
        const [{ createLog }, { serve }] = await Promise.all([
          import('../../../base/log.ts'),
          import('../../serve.ts'),
        ]);
        await serve(
          { port: options.port, open: options.open },
          {
            createApplication: options.demo === true ? withDemoFleet(createApplication, 'connects') : createApplication,
            log: createLog({ level: options.verbose === true ? 'debug' : 'info' }),
            dataFolder: context.dataFolder(options),
          },
        );
        // Serves until a signal ends the process.
        return new Promise<never>(() => undefined);
      });
    });
}
