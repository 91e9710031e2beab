export { channelSource } from './channel.ts';
export { gitSource } from './git.ts';
export { pathSource } from './path.ts';
export { Refresher } from './refresher.ts';
export { SourceStore } from './store.ts';
export type { PackageSource, Revision } from './types.ts';
