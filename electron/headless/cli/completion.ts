/** Completion: what may stand next on the command line, and the scripts with which the shells ask for it. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';

import { visibleString } from '../../../shared/rules/text/visible-text.ts';

/** A host of the host book, as far as it can stand on the command line. */
export interface HostWord {
  readonly id: string;
  readonly name: string;
}

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** The name under which the shells ask; it is no command for people. */
export const completeCommand = '__complete';

/** Arguments and options that are names of hosts. */
const hostWords = new Set(['host', 'hosts']);

/**
 * What may stand in place of the last of `words`, which are those behind the program's name; the last is the one that is
 * being typed, and may be empty. Pure.
 */
export function completions(
  program: CommandUnknownOpts,
  words: readonly string[],
  hostsOfBook: readonly HostWord[],
): readonly Candidate[] {
  // bash makes a word of its own of the = in --format=csv.
  const given = words.filter((word, index) => word !== '=' || index === words.length - 1);
  const last = given.at(-1) === '=' ? '' : (given.at(-1) ?? '');
  let command = program;
  let position = 0;
  let wanting: Option | null = null;
  let onlyArguments = false;
  for (const word of given.slice(0, -1)) {
    if (wanting) {
      wanting = null;
    } else if (!onlyArguments && word === '--') {
      onlyArguments = true;
    } else if (!onlyArguments && word.startsWith('-')) {
      const option = optionsOf(command).find(({ long, short }) => long === word || short === word);
      wanting = option && (option.required || option.optional) ? option : null;
    } else {
      const below = position === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (below) command = below;
      else position += 1;
    }
  }
  const hosts = (suffix: string): readonly Candidate[] => hostsOfBook.map((host) => hostCandidate(host, suffix));

  let all: readonly Candidate[];
  if (wanting) {
    all = hostWords.has(wanting.name()) ? hosts('') : choices(wanting.argChoices);
  } else if (!onlyArguments && last.startsWith('-')) {
    all = optionsOf(command).flatMap(({ long, description, hidden }) =>
      long === undefined || hidden ? [] : [{ value: long, description: firstLine(description) }],
    );
  } else {
    const below = position === 0 ? command.commands : [];
    const argument = command.registeredArguments[position] ?? variadic(command);
    const name = argument?.name() ?? '';
    all = [
      ...below.map((each) => ({ value: each.name(), description: each.summary() || firstLine(each.description()) })),
      ...(hostWords.has(name) ? hosts('') : []),
      ...(name.startsWith('vm') ? hosts('/') : []),
      ...choices(argument?.argChoices),
    ];
  }
  return all.filter(({ value }) => value.startsWith(last));
}

/**
 * A host by its name; where that holds what is not seen, by its id: shells show names as they are, and one that was marked
 * would be another name.
 */
function hostCandidate({ id, name }: HostWord, suffix: string): Candidate {
  const words = visibleString(name);
  return words === name
    ? { value: name + suffix, description: 'host' }
    : { value: id + suffix, description: `host ${words}` };
}

type Option = CommandUnknownOpts['options'][number];

function optionsOf(command: CommandUnknownOpts): readonly Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent ? [...own, ...optionsOf(command.parent)] : own;
}

function variadic(command: CommandUnknownOpts): CommandUnknownOpts['registeredArguments'][number] | undefined {
  const argument = command.registeredArguments.at(-1);
  return argument?.variadic === true ? argument : undefined;
}

function choices(values: readonly string[] | undefined): readonly Candidate[] {
  return (values ?? []).map((value) => ({ value, description: '' }));
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** One candidate a line, value and description with a tab between. */
export function completionLines(candidates: readonly Candidate[]): string {
  return candidates.map(({ value, description }) => `${value}\t${description}\n`).join('');
}

export const shells = ['bash', 'zsh', 'fish'] as const;

/** What a user of the shell puts into its configuration. */
export const completionScripts: Readonly<Record<(typeof shells)[number], string>> = {
  bash: `# snaptree completion for bash; in ~/.bashrc: source <(snaptree completion bash)
_snaptree() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    [[ $line == */ ]] && compopt -o nospace
    COMPREPLY+=("$(printf '%q' "$line")")
  done < <(snaptree ${completeCommand} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _snaptree snaptree
`,
  zsh: `#compdef snaptree
# snaptree completion for zsh; in ~/.zshrc, behind compinit: source <(snaptree completion zsh)
_snaptree() {
  local -a lines found
  local line value tab=$'\\t'
  lines=("\${(@f)$(snaptree ${completeCommand} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${lines[@]}"; do
    [[ -n $line ]] || continue
    value=\${line%%$tab*}
    found+=("\${value//:/\\\\:}:\${line#*$tab}")
  done
  if (( \${#found} )); then _describe -V 'snaptree' found; else _files; fi
}
compdef _snaptree snaptree
`,
  fish: `# snaptree completion for fish; in ~/.config/fish/config.fish: snaptree completion fish | source
complete -c snaptree -f -a '(snaptree ${completeCommand} (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
complete -c snaptree -n '__fish_seen_subcommand_from run' -F
complete -c snaptree -n '__fish_seen_subcommand_from report' -s o -l output -r -F
complete -c snaptree -l data-folder -r -F
`,
};
