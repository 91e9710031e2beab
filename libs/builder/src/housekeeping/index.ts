export type { Amount } from './amount.ts';
export { checkStorage, type CheckOptions, type CheckReport, type Finding } from './check.ts';
export {
  collectGarbage,
  MIN_GRACE_MS,
  type CollectionReport,
  type CollectOptions,
} from './collect.ts';
export { importStorage, type ImportOptions, type ImportReport } from './import.ts';
export type { Progress } from './progress.ts';
