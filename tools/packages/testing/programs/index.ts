import { languages } from './languages.ts';
import { networkPrograms } from './network.ts';
import type { Program } from './program.ts';
import { services } from './services.ts';
import { terminalPrograms } from './terminal.ts';
import { textPrograms } from './text.ts';

/** Every package of the catalogue that has programs, each doing something real. */
export const programs: readonly Program[] = [
  ...textPrograms,
  ...languages,
  ...networkPrograms,
  ...services,
  ...terminalPrograms,
];
