import { remember, type Theme } from '../store/remembered.ts';

/** Shows a theme and remembers it. `system` follows the desktop's own setting. */
export function applyTheme(theme: Theme): void {
  remember({ theme });
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
