/** The names of the two channels between the preload and the main process; each carries `shared/messages.ts`. */
export const toMain = 'snaptree:to-main';
export const toRenderer = 'snaptree:to-renderer';
