/** States of builds, in words. */
export const STATES = {
  queued: 'queued',
  running: 'running',
  done: 'done',
  failed: 'failed',
} as const;
