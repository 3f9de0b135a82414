import { Argument } from '@commander-js/extra-typings';
import { completionScripts, shells } from '../completion.ts';
import type { CommandContext } from '../context.ts';
import { examples } from '../program.ts';
import type { Program } from '../program.ts';

export function addCompletion(program: Program, context: CommandContext): void {
  program
    .command('completion')
    .summary('print the completion for a shell')
    .description('Print the script with which a shell completes commands, options and names of hosts.')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText(
      'after',
      examples(
        'source <(snaptree completion bash)      in ~/.bashrc',
        'source <(snaptree completion zsh)       in ~/.zshrc, behind compinit',
        'snaptree completion fish | source       in ~/.config/fish/config.fish',
      ),
    )
    .action((shell) => {
      context.output.data(completionScripts[shell]);
    });
}
