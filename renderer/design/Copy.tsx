import { Check, Copy as CopyIcon } from 'lucide-react';
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
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

const copyIcon = <CopyIcon size={14} aria-hidden />;
const copiedIcon = <Check size={14} aria-hidden />;

/** A button that copies `text`, exactly as it is, and says so for two seconds. With another text it looks the same. */
export const CopyButton = memo(function CopyButton({
  text,
  what,
  caption,
}: {
  readonly text: string;
  readonly what: string;
  readonly caption?: string;
}) {
  const [copiedText, setCopiedText] = useState<string | null>(null);
  const copied = copiedText === text;
  useEffect(() => {
    if (copiedText === null) return undefined;
    const timer = setTimeout(() => {
      setCopiedText(null);
    }, 2000);
    return () => {
      clearTimeout(timer);
    };
  }, [copiedText]);
  const latest = useRef(text);
  useLayoutEffect(() => {
    latest.current = text;
  });
  const copy = useCallback(() => {
    const copying = latest.current;
    navigator.clipboard.writeText(copying).then(() => {
      setCopiedText(copying);
    }, reportCopyFailure);
  }, []);
  const icon = copied ? copiedIcon : copyIcon;
  return (
    <Button
      tone={caption === undefined ? 'quiet' : 'normal'}
      size={caption === undefined ? 'inline' : 'normal'}
      iconOnly={caption === undefined}
      label={copied ? `Copied ${what}` : (caption ?? `Copy ${what}`)}
      onPress={copy}
    >
      {caption === undefined ? (
        icon
      ) : (
        <>
          {icon}
          {copied ? 'Copied' : caption}
        </>
      )}
    </Button>
  );
});
