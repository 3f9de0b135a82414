import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { ErrorBoundary } from './app/ErrorBoundary.tsx';
import { keepFocus } from './app/focus-keeping.ts';
import { returnFocus } from './app/focus-return.ts';
import { applyTheme } from './app/theme.ts';
import { NotLetIn } from './app/NotLetIn.tsx';
import { startFeed } from './feed/feed.ts';
import './design/tokens.css';
import './design/base.css';
import { createClient } from './ipc/client.ts';
import { ClientContext } from './ipc/client-context.ts';
import { shellPipe } from './ipc/shell-pipe.ts';
import { remembered } from './store/remembered.ts';
import { update } from './store/store.ts';

applyTheme(remembered().theme);

const container = document.getElementById('root');
if (!container) throw new Error('index.html has no #root.');
const root = createRoot(container);

const client = createClient(
  shellPipe({
    onLetIn: (letInAgain) => {
      update((state) => ({ ...state, letInAgain }));
    },
    onRefused: (refusal) => {
      // Nothing that the window shows holds any more, and nothing may be typed into it.
      root.render(<NotLetIn refusal={refusal} />);
    },
  }),
);
startFeed(client);
returnFocus();
keepFocus();

root.render(
  <StrictMode>
    <ClientContext value={client}>
      <ErrorBoundary>
        <App />
      </ErrorBoundary>
    </ClientContext>
  </StrictMode>,
);
