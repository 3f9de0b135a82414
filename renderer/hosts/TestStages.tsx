import { CircleCheck, CircleDashed, CircleX } from 'lucide-react';
import { useEffect, useRef } from 'react';
import type { ConnectionTest } from '../../shared/contract.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './TestStages.module.css';

const css = classes(styles);

const stageStates = {
  passed: { icon: CircleCheck, word: 'passed' },
  failed: { icon: CircleX, word: 'failed' },
  skipped: { icon: CircleDashed, word: 'not needed' },
  notReached: { icon: CircleDashed, word: 'not reached' },
} as const;

/** What a connection test found, stage by stage; of what failed, what to do about it. Comes into sight by itself. */
export function TestStages({ test }: { readonly test: ConnectionTest }) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.scrollIntoView({ block: 'end' });
  }, [test]);
  return (
    <ol ref={list} className={css('stages')} aria-label="Connection test">
      {test.stages.map((stage) => {
        const { icon: Icon, word } = stageStates[stage.state];
        const tried = stage.state === 'passed' || stage.state === 'failed';
        return (
          <li key={stage.stage} className={css('stage', stage.state)}>
            <Icon size={16} role="img" aria-label={word} />
            <strong>{stage.title}</strong>
            <div className={css('words')}>
              <p className={css(tried && 'message')}>{tried ? <HostText text={stage.message} lines /> : word}</p>
              {stage.remedy !== null && (
                <p className={css('remedy')}>
                  <HostText text={stage.remedy} lines />
                </p>
              )}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
