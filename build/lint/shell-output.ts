/**
 * An ESLint rule for the scripts that are sent to hosts: no pattern of the shell goes over what a tool printed. To cut a
 * text off at a pattern (`${x#…}`, `${x%…}`), or to look a name up in a list that grows (`case $list in *"$name"*`), takes
 * dash and BusyBox the square of its length: 80 s for what qemu-img says of an image with 1000 snapshots. awk and files do it.
 */
import type { Rule } from 'eslint';

/** Tools whose output is short whatever they are asked about: a path, a number, so many bytes. */
const brief = /^(?:readlink|mktemp|nproc|date|wc|cksum|pwd|stat|base64|dd|head -c|printf)\b/;

/** The text of the command substitution that begins at `start`, behind its `$(`. */
function substitution(script: string, start: number): string {
  let depth = 1;
  for (let at = start; at < script.length; at += 1) {
    if (script[at] === '(') depth += 1;
    if (script[at] === ')') depth -= 1;
    if (depth === 0) return script.slice(start, at);
  }
  return script.slice(start);
}

/** Whether each command of a list is brief; of a pipeline its last one tells. */
function isBrief(commands: string): boolean {
  return commands.split(/;|&&|\|\||\n/).every((command) => brief.test((command.split('|').at(-1) ?? '').trim()));
}

/** Variables that hold what a tool printed, or that grow with every item. */
function longVariables(script: string): ReadonlySet<string> {
  const long = new Set<string>();
  for (const { 1: name = '', index, 0: text } of script.matchAll(/\b([a-z_]\w*)="?\$\((?!\()/g)) {
    if (!isBrief(substitution(script, index + text.length))) long.add(name);
  }
  const assignments = [...script.matchAll(/\b([a-z_]\w*)=("[^"\n]*"|[^\s;"]+)/g)].map(
    ({ 1: name = '', 2: value = '' }) => ({
      name,
      value,
      sources: [...value.matchAll(/\$\{?([a-z_]\w*)/g)].map((match) => match[1] ?? ''),
    }),
  );
  for (const { name, value, sources } of assignments) {
    const isShortened = value.startsWith(`\${${name}#`) || value.startsWith(`\${${name}%`);
    if (sources.includes(name) && !isShortened) long.add(name);
  }
  for (let size = -1; size < long.size;) {
    size = long.size;
    for (const { name, sources } of assignments) if (sources.some((source) => long.has(source))) long.add(name);
  }
  return long;
}

/** What in a script goes over long text with a pattern, each as it stands there. */
export function patternsOverOutput(script: string): readonly string[] {
  const long = longVariables(script);
  const cuts = [...script.matchAll(/\$\{([a-z_]\w*)[#%][^\n]*/g)].filter((match) => long.has(match[1] ?? ''));
  const cases = [...script.matchAll(/\bcase ([^\n]*?) in\b[^\n]*/g)].filter(({ 1: word = '', index }) => {
    const inner = word.indexOf('$(');
    if (inner >= 0) return !isBrief(substitution(script, index + 'case '.length + inner + 2));
    return [...word.matchAll(/\$\{?([a-z_]\w*)/g)].some((match) => long.has(match[1] ?? ''));
  });
  return [...cuts, ...cases].map(([text]) => text.trim());
}

export const shellOutput: Rule.RuleModule = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const pieces: string[] = [];
    return {
      TemplateElement(node) {
        pieces.push(node.value.cooked ?? node.value.raw);
      },
      Literal(node) {
        if (typeof node.value === 'string') pieces.push(node.value);
      },
      'Program:exit'(node) {
        for (const text of patternsOverOutput(pieces.join('\n'))) {
          context.report({
            node,
            message: `A pattern of the shell goes over what a tool printed, or over a list that grows: ${text}`,
          });
        }
      },
    };
  },
};
