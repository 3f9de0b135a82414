import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { ErrorBoundary } from './app/ErrorBoundary.tsx';
import { returnFocus } from './app/focus-return.ts';
import { applyTheme, storedTheme } from './app/theme.ts';
import { startSession } from './session/session.ts';
import './design/tokens.css';
import './design/base.css';
import { createClient } from './ipc/client.ts';
import { ClientContext } from './ipc/client-context.ts';
import { shellPipe } from './ipc/shell-pipe.ts';

applyTheme(storedTheme());
const client = createClient(shellPipe());
startSession(client);
returnFocus();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root.');
createRoot(root).render(
  <StrictMode>
    <ClientContext value={client}>
      <ErrorBoundary>
        <App />
      </ErrorBoundary>
    </ClientContext>
  </StrictMode>,
);
