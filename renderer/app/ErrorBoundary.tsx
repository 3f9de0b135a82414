import { Component, type ReactNode } from 'react';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import styles from './ErrorBoundary.module.css';

const css = classes(styles);

/** Shows that the window itself failed, instead of an empty page. The main process and what it runs are not affected. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main className={css('page')}>
        <Callout
          tone="danger"
          title="This window failed"
          live
          actions={
            <Button
              tone="primary"
              onPress={() => {
                window.location.reload();
              }}
            >
              Reload the window
            </Button>
          }
        >
          <p>Operations that run go on, and nothing on a host was changed by this. Please report what it says:</p>
          <p>
            <code>{error.message}</code>
          </p>
        </Callout>
      </main>
    );
  }
}
