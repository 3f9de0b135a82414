/** What a shell needs of the application: made once, it serves any number of renderers until it is disposed of. */
import type { Host, HostSettings } from '../../shared/model/host.ts';
import type { FileSaver } from './file-saver.ts';
import type { ConnectSimulated } from '../hosts/connect.ts';
import type { Handlers } from '../ipc/handlers.ts';
import type { Log } from '../base/log.ts';

export interface ApplicationOptions {
  /** Absolute; made where it does not exist, but for `readOnly`. */
  readonly dataFolder: string;
  readonly shell: 'desktop' | 'browser' | 'commandLine';
  readonly log: Log;
  /**
   * `exclusive` (the default): the one Snaptree that works in the data folder. `readOnly`: beside another one; reads
   * hosts and plans, but host book and journals are only read, and whatever would change them or a host is refused with
   * `storeInUse`. (A host key that its user accepts is remembered all the same, as ssh would.)
   */
  readonly access?: 'exclusive' | 'readOnly';
  /** How the shell lets its user keep a file. Without it, saving is refused. */
  readonly files?: FileSaver;
  /** How simulated hosts are reached: as the demo fleet, where it is left out. */
  readonly connectSimulated?: ConnectSimulated;
}

export interface Application {
  readonly handlers: Handlers;
  /**
   * Adds a host for the life of this application, without the host book. Its id follows from how it is reached, so that
   * it is the same the next time. Throws `invalidRequest` where the name is taken.
   */
  readonly addVisitor: (settings: HostSettings) => Host;
  /** To be called when the computer was asleep: connections that died meanwhile are made again at once. */
  wake(): void;
  /** Ends all sessions with hosts. What runs detached on a host goes on there. */
  dispose(): Promise<void>;
}

export type ApplicationFactory = (options: ApplicationOptions) => Promise<Application>;
