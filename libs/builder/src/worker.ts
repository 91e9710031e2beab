// What the pools' threads run. The logic is elsewhere, where coverage sees it.
export { packLayer, packSymlinkLayer } from './layer/pack.ts';
export { evaluate, realise } from './tasks.ts';
