import { describeLadder } from './ladder.ts';

// As servers and clients are out of the box: requests are held for 20 s, and containerd gives up on one after 30 s.
await describeLadder({ builds: [5, 45, 200], headerTimeoutMs: 30_000 });
