import { listAttributes, type ListTask } from '@nixery/builder';

import { type IndexProgress, isDamage } from './database.ts';
import { type IndexLimits, IndexWriter } from './index-writer.ts';

export interface AdvanceTask {
  /** The index, which is begun where there is none. */
  readonly file: string;
  readonly commit: string | null;
  readonly limits: IndexLimits;
  /** Names at the top of the package set that are not looked at. */
  readonly closed: readonly string[];
  readonly list: Omit<ListTask, 'paths'>;
}

/** How a step ended. */
export type Advanced =
  | { readonly outcome: 'advanced' | 'done' | 'aborted'; readonly progress: IndexProgress }
  /** An attribute was passed over, since Nix gave up on it. */
  | {
      readonly outcome: 'skipped';
      readonly progress: IndexProgress;
      readonly attribute: string;
      readonly message: string;
    }
  /** The package set itself cannot be read, or the index that there is. */
  | { readonly outcome: 'unreadable' | 'damaged'; readonly message: string };

/**
 * Takes an index one batch further. All that it leaves behind is in the index: the next step may be another process's.
 *
 * @throws the system's error of a missing Nix, or SQLite's of a disk that is full or cannot be written
 */
export async function advance(task: AdvanceTask, signal?: AbortSignal): Promise<Advanced> {
  try {
    return await advanceOne(task, signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { outcome: 'damaged', message: error.message };
  }
}

async function advanceOne(task: AdvanceTask, signal?: AbortSignal): Promise<Advanced> {
  const writer = new IndexWriter(task.file, task);
  try {
    if (writer.progress.done_at !== null) return { outcome: 'done', progress: writer.progress };
    const batch = writer.next();
    if (batch.paths.length === 0) {
      writer.finish();
      return { outcome: 'done', progress: writer.progress };
    }
    const begun = performance.now();
    const listed = await listAttributes({ ...task.list, paths: batch.paths }, signal);
    if (listed.ok) {
      writer.add(batch, listed.entries, performance.now() - begun);
      return { outcome: 'advanced', progress: writer.progress };
    }
    if (listed.reason === 'aborted') return { outcome: 'aborted', progress: writer.progress };
    const { message } = listed;
    if (batch.paths.length > 1) {
      writer.fail(batch);
      return { outcome: 'advanced', progress: writer.progress };
    }
    // Where the set itself fails, none of its attributes is to blame.
    const whole = await listAttributes({ ...task.list, paths: [[]] }, signal);
    if (!whole.ok && whole.reason === 'aborted') {
      return { outcome: 'aborted', progress: writer.progress };
    }
    if (!whole.ok) return { outcome: 'unreadable', message: whole.message };
    writer.fail(batch);
    const attribute = batch.paths.flat().join('.');
    return { outcome: 'skipped', progress: writer.progress, attribute, message };
  } finally {
    writer.close();
  }
}
