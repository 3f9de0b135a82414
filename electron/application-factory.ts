/** What a shell needs of the application: made once, it serves any number of renderers until it is disposed of. */
import type { Handlers } from './ipc/handlers.ts';
import type { Log } from './log.ts';

export interface ApplicationOptions {
  /** Absolute; made where it does not exist. */
  readonly dataFolder: string;
  readonly shell: 'desktop' | 'browser';
  readonly log: Log;
}

export interface Application {
  readonly handlers: Handlers;
  /** Ends all sessions with hosts. What runs detached on a host goes on there. */
  dispose(): Promise<void>;
}

export type ApplicationFactory = (options: ApplicationOptions) => Promise<Application>;
