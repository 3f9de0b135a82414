import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { reportCopyFailure } from './clipboard.ts';
import { Button } from './Button.tsx';

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
