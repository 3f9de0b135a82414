import { Plus, X } from 'lucide-react';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { EndpointFields } from './EndpointFields.tsx';
import styles from './HostDialog.module.css';
import { emptyEndpoint, type EndpointForm, type FormErrors } from './host-form.ts';

const css = classes(styles);
/** As the contract allows. */
const most = 8;

/** The hosts that a connection goes through, in their order. */
export function JumpHosts({
  jumps,
  errors,
  userName,
  onChange,
}: {
  readonly jumps: readonly EndpointForm[];
  readonly errors: FormErrors;
  readonly userName: string;
  readonly onChange: (jumps: readonly EndpointForm[]) => void;
}) {
  return (
    <div className={css('jumps')}>
      {jumps.map((jump, index) => (
        <fieldset key={index} className={css('jump')}>
          <legend>Jump host {jumps.length > 1 && index + 1}</legend>
          <div className={css('remove')}>
            <Button
              size="small"
              tone="quiet"
              iconOnly
              label={`Remove jump host ${index + 1}`}
              onPress={() => {
                onChange(jumps.filter((_jump, other) => other !== index));
              }}
            >
              <X size={14} aria-hidden />
            </Button>
          </div>
          <EndpointFields
            value={jump}
            errors={errors}
            prefix={`jumps.${index}.`}
            autoFocus
            onChange={(change) => {
              onChange(jumps.map((other, at) => (at === index ? { ...other, ...change } : other)));
            }}
          />
        </fieldset>
      ))}
      <div className={css('jumpAdd')}>
        <Button
          size="small"
          disabledReason={jumps.length < most ? null : `At most ${most} jump hosts.`}
          onPress={() => {
            onChange([...jumps, emptyEndpoint(userName)]);
          }}
        >
          <Plus size={14} aria-hidden />
          {jumps.length === 0 ? 'Reach it through a jump host' : 'Add a further jump host'}
        </Button>
        {jumps.length > 1 && <span className={css('quiet')}>Gone through from top to bottom.</span>}
      </div>
    </div>
  );
}
