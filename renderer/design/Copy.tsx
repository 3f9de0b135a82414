import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './Button.tsx';
import { toast } from './toasts.ts';

/** Says that the clipboard could not be written. */
function reportCopyFailure(): void {
  toast({
    tone: 'warning',
    title: 'Not copied',
    detail: 'The browser did not allow writing to the clipboard. Select the text and copy it by hand.',
  });
}

/** A button that copies `text`, exactly as it is, and says so for two seconds. */
export function CopyButton({
  text,
  what,
  caption,
}: {
  readonly text: string;
  readonly what: string;
  readonly caption?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => {
      setCopied(false);
    }, 2000);
    return () => {
      clearTimeout(timer);
    };
  }, [copied]);
  const Icon = copied ? Check : CopyIcon;
  return (
    <Button
      tone={caption === undefined ? 'quiet' : 'normal'}
      size={caption === undefined ? 'inline' : 'normal'}
      iconOnly={caption === undefined}
      label={copied ? `Copied ${what}` : (caption ?? `Copy ${what}`)}
      onPress={() => {
        navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
        }, reportCopyFailure);
      }}
    >
      <Icon size={14} aria-hidden />
      {caption !== undefined && (copied ? 'Copied' : caption)}
    </Button>
  );
}
