import { CircleCheck, CircleDashed, CircleX } from 'lucide-react';
import type { ConnectionTest } from '../../shared/contract.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './TestStages.module.css';

const css = classes(styles);

const stageWords = {
  name: 'Name',
  port: 'Port',
  hostKey: 'Host key',
  authentication: 'Sign-in',
  shell: 'Commands',
  virsh: 'virsh',
  socket: 'Access to libvirt',
  versions: 'Versions',
} as const;

const stageStates = {
  passed: { icon: CircleCheck, word: 'passed' },
  failed: { icon: CircleX, word: 'failed' },
  skipped: { icon: CircleDashed, word: 'not needed' },
  notReached: { icon: CircleDashed, word: 'not reached' },
} as const;

/** What a connection test found, stage by stage; of what failed, what to do about it. */
export function TestStages({ test }: { readonly test: ConnectionTest }) {
  return (
    <ol className={css('stages')} aria-label="Connection test">
      {test.stages.map((stage) => {
        const { icon: Icon, word } = stageStates[stage.state];
        const quiet = stage.state === 'notReached' || stage.state === 'skipped';
        return (
          <li key={stage.stage} className={css('stage', stage.state)}>
            <Icon size={16} aria-hidden />
            <div className={css('words')}>
              <p>
                <strong>{stageWords[stage.stage]}</strong> {word}
              </p>
              {!quiet && (
                <p className={css('message')}>
                  <HostText text={stage.message} lines />
                </p>
              )}
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
