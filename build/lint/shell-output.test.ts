import { describe, expect, it } from 'vitest';
import { patternsOverOutput } from './shell-output.ts';

describe('patterns over what a tool printed', () => {
  it.each([
    ['cut off at the front', `info=$(qemu-img info "$1")\nnext=\${info#*'"backing": "'}`],
    ['cut off at the end', `host=$(virsh list; frame asked)\necho "\${host%"$N asked"*}"`],
    ['in another variable', `list=$(ls -l)\nall="$list$NL"\nrest=$all\necho "\${rest##* }"`],
    ['in a case', `list=$(ls -lR / 2>&1)\ncase $list in *'cannot open'*) ;; esac`],
    ['in a case, with more', `info=$(qemu-img info x)\ncase $share$info in -U*invalid*) ;; esac`],
    ['without a variable', `case $(virsh list) in *web*) ;; esac`],
    ['of a tool behind a brief one', `x=$(date; ls)\ny=$(readlink a | xargs cat)\necho "\${y%x}"`],
    ['a list that grows', `seen="$seen$N$line$N"\ncase $seen in *"$N$1$N"*) ;; esac`],
  ])('are found: %s', (_, script) => {
    expect(patternsOverOutput(script)).toHaveLength(1);
  });

  it.each([
    ['a path', `real=$(readlink -f -- "$1" && printf x)\nreal=\${real%x}`],
    ['an argument', `name=\${1##*/}`],
    [
      'so many bytes',
      `case $(head -c 3 -- "$file") in QFI) ;; esac\ncase $(dd if="$lock" bs=8192 count=1) in owner*) ;; esac`,
    ],
    ['arithmetic', `elapsed=$(($(date +%s) - begin))\ncount=$((count + 1))\ncase $count in 1) ;; esac`],
    ['what is passed on', `info=$(qemu-img info x)\nprintf %s "$info" | awk 1\nfound="$found$info"`],
  ])('are not: %s', (_, script) => {
    expect(patternsOverOutput(script)).toEqual([]);
  });
});
