/**
 * How many large reads may be on their way to clients at a time. Without a bound, a thousand stalled clients would
 * hold a thousand large chunks; with it, they hold a few, and the others are served with small reads meanwhile.
 */
export interface ReadBudget {
  /** Whether a large read may be made; if so, {@link giveBack} is owed once its chunk is gone. */
  take(): boolean;
  giveBack(): void;
}

export function createReadBudget(largeReads: number): ReadBudget {
  let available = largeReads;
  return {
    take() {
      if (available === 0) return false;
      available -= 1;
      return true;
    },
    giveBack() {
      available += 1;
    },
  };
}
