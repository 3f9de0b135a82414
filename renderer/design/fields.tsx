import type { ReactNode } from 'react';
import {
  CheckboxButton,
  CheckboxField,
  FieldError,
  Input,
  Label,
  RadioButton,
  RadioField,
  RadioGroup,
  Text,
  TextArea,
  TextField as AriaTextField,
} from 'react-aria-components';
import { Check } from 'lucide-react';
import { classes } from './classes.ts';
import styles from './fields.module.css';

const css = classes(styles);

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly description?: ReactNode;
  /** What is wrong with the value; null where nothing is. */
  readonly error?: string | null | undefined;
  readonly type?: 'text' | 'password';
  readonly inputMode?: 'text' | 'numeric';
  readonly autoFocus?: boolean;
  readonly multiline?: boolean;
  readonly mono?: boolean;
  readonly placeholder?: string;
}

/** A line of text, or several, with what is wrong with it below it. */
export function TextField({
  label,
  value,
  onChange,
  description,
  error = null,
  type = 'text',
  inputMode = 'text',
  autoFocus = false,
  multiline = false,
  mono = false,
  placeholder = '',
}: TextFieldProps) {
  const className = css('input', mono && 'mono');
  return (
    <AriaTextField
      className={css('field')}
      value={value}
      onChange={onChange}
      type={type}
      isInvalid={error !== null}
      validationBehavior="aria"
      autoFocus={autoFocus}
      autoComplete="off"
      spellCheck="false"
    >
      <Label className={css('label')}>{label}</Label>
      {multiline ? (
        <TextArea className={className} rows={3} placeholder={placeholder} />
      ) : (
        <Input className={className} inputMode={inputMode} placeholder={placeholder} />
      )}
      {description !== undefined && (
        <Text slot="description" className={css('description')}>
          {description}
        </Text>
      )}
      <FieldError className={css('error')}>{error}</FieldError>
    </AriaTextField>
  );
}

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly description?: ReactNode;
  /** Why it cannot be chosen; null where it can. */
  readonly impossible?: string | null;
}

/** One of a few choices, each with what it means. */
export function ChoiceField<Value extends string>({
  label,
  value,
  onChange,
  choices,
  row = false,
}: {
  readonly label: string;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  readonly choices: readonly Choice<Value>[];
  /** Side by side, where they need no words. */
  readonly row?: boolean;
}) {
  return (
    <RadioGroup
      className={css('field')}
      value={value}
      onChange={(chosen) => {
        const choice = choices.find((candidate) => candidate.value === chosen);
        if (choice) onChange(choice.value);
      }}
    >
      <Label className={css('label')}>{label}</Label>
      <div className={css('choices', row && 'inRow')}>
        {choices.map((choice) => (
          <RadioField
            key={choice.value}
            value={choice.value}
            className={css('choice', (choice.impossible ?? null) !== null && 'impossible')}
            isDisabled={(choice.impossible ?? null) !== null}
          >
            <RadioButton className={css('choiceButton')}>
              <span className={css('radio')} />
              <span className={css('choiceLabel')}>{choice.label}</span>
            </RadioButton>
            {choice.description !== undefined && (
              <Text slot="description" className={css('choiceDescription')}>
                {choice.impossible ?? choice.description}
              </Text>
            )}
          </RadioField>
        ))}
      </div>
    </RadioGroup>
  );
}

/** A box to tick. */
export function CheckboxLine({
  children,
  selected,
  onChange,
  disabled = false,
  description,
}: {
  readonly children: ReactNode;
  readonly selected: boolean;
  readonly onChange: (selected: boolean) => void;
  /** The description says why. */
  readonly disabled?: boolean;
  /** What it means, below it. A reader is told when it changes. */
  readonly description?: ReactNode;
}) {
  return (
    <CheckboxField
      className={css('choice', disabled && 'impossible')}
      isSelected={selected}
      onChange={onChange}
      isDisabled={disabled}
    >
      <CheckboxButton className={css('checkboxButton')}>
        <span className={css('checkbox')}>{selected && <Check size={12} strokeWidth={3} aria-hidden />}</span>
        <span className={css('checkboxLabel')}>{children}</span>
      </CheckboxButton>
      {description !== undefined && (
        <Text slot="description" role="status" className={css('description', 'checkboxDescription')}>
          {description}
        </Text>
      )}
    </CheckboxField>
  );
}
