import { setPriority } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/** Nice value of packing threads: they get a tenth of a core that others want, and all of one that nobody wants. */
const NICE = 10;

let isLowered = false;

/**
 * Lets other threads go first, those that answer clients above all. Linux keeps a nice value for each thread, and takes 0 for the
 * calling one (setpriority(2), "C library/kernel differences"); the main thread, which is not here for packing, is left alone.
 */
export function lowerThreadPriority(): void {
  if (isLowered || isMainThread || process.platform !== 'linux') return;
  isLowered = true;
  try {
    setPriority(0, NICE);
  } catch {
    // Where it is forbidden, packing goes on as it would have.
  }
}
