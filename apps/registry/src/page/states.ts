/** States of builds, in words. */
export const STATES = { running: 'running', done: 'done', failed: 'failed' } as const;
