import { z } from 'zod';

import { accessVariables } from './access/access-config.ts';
import { accepted, descriptions } from './describe.ts';
import { LOG_LEVELS } from './log-level.ts';
import { buildVariables, sourceVariables } from './package-variables.ts';
import { storageVariables } from './storage-config.ts';
import { absolutePath, attributeNames, flag, integer } from './value-types.ts';

const address = z.string().register(accepted, { values: 'an address of this machine, or a name' });

/**
 * All variables, each described for docs/configuration.md, which `npm run docs` writes. Defaults are what people would
 * set: `.prefault`, not `.default`.
 */
export const environment = z.object({
  PORT: integer(0, 65_535).prefault('8080').register(descriptions, {
    group: 'server',
    about: 'The TCP port to listen on. 0: one that is free; the log says which.',
    nixery: true,
    brief: 'TCP port',
  }),
  NIXERY_HOST: address.optional().register(descriptions, {
    group: 'server',
    about: 'The address to listen on. `npm start` sets 127.0.0.1.',
    unset: 'all addresses',
    brief: 'address to listen on; `npm start` sets 127.0.0.1',
  }),
  NIXERY_STATE_DIR: absolutePath.optional().register(descriptions, {
    group: 'server',
    about:
      'This server’s own folder, which no other may use at the same time: the cache’s database, spooled layers, fetched sources. ' +
      'On the file system of `STORAGE_PATH`, layers are moved and not copied.',
    unset:
      '`$STATE_DIRECTORY` (systemd), else `$XDG_STATE_HOME/nixery`, else `~/.local/state/nixery`',
    brief: 'the server’s own folder',
  }),
  ...sourceVariables,
  ...buildVariables,
  ...storageVariables,
  ...accessVariables,
  WEB_DIR: absolutePath.optional().register(descriptions, {
    group: 'watching',
    about:
      'A folder with a static site, which takes the place of all pages, those of builds included.',
    nixery: true,
  }),
  NIXERY_SEARCH: z.enum(['on', 'off'], 'must be on or off').prefault('on').register(descriptions, {
    group: 'watching',
    about:
      'Whether packages can be searched for: the package set is then read in the background, at the lowest priority ([search](search.md)).',
  }),
  NIXERY_SEARCH_SETS: attributeNames
    .prefault(
      'python3Packages,perlPackages,rubyPackages,nodePackages,haskellPackages,luaPackages,ocamlPackages,phpPackages,rPackages',
    )
    .register(descriptions, {
      group: 'watching',
      about:
        'Sets whose packages can be searched for. Sets that say `recurseForDerivations`, as many in nixpkgs do, need not be named.',
    }),
  NIXERY_CATALOG: flag.prefault('0').register(descriptions, {
    group: 'watching',
    about: '1: list the images that have been built at `/v2/_catalog`.',
  }),
  NIXERY_METRICS: z.enum(['on', 'off'], 'must be on or off').prefault('on').register(descriptions, {
    group: 'watching',
    about: 'Whether `/metrics` is there, in Prometheus’ text format ([metrics](metrics.md)).',
  }),
  NIXERY_LOG_LEVEL: z
    .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
    .prefault('info')
    .register(descriptions, {
      group: 'watching',
      about:
        'What the log tells. `debug` has every line that Nix logs. A file changes it [while the server runs](operations.md#logs).',
    }),
  NIXERY_LOG_FORMAT: z
    .enum(['json', 'pretty'], 'must be json or pretty')
    .prefault('json')
    .register(descriptions, {
      group: 'watching',
      about: 'One JSON object a line, or lines for people. `npm start` sets `pretty`.',
    }),
});

export type Environment = z.infer<typeof environment>;
