import { fileURLToPath } from 'node:url';

/** The folder of the Nix expressions, beside `src` and `dist` both. */
export const EXPRESSIONS = fileURLToPath(new URL('../../nix', import.meta.url));
