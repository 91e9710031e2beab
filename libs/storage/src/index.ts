export { isDigest, type Digest } from './digest.ts';
