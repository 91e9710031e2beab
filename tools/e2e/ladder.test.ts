import { describeLadder } from './ladder.ts';

// The last goes on past the ladder, which is over after 20 s: who gives up on an answer after 3 s begins anew.
await describeLadder({ builds: [3, 8, 20, 24], holdSeconds: 2, headerTimeoutMs: 3_000 });
