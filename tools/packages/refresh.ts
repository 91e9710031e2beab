#!/usr/bin/env node
// Brings the offline package set of NIXERY_PKGS_PATH up to date; the registry runs it (NIXERY_PKGS_REFRESH) when a build fails.
import { env, stderr } from 'node:process';

import { prepareOfflinePackages } from './prepare.ts';

const dir = env['NIXERY_PKGS_PATH'];
if (dir === undefined) throw new Error('NIXERY_PKGS_PATH is not set');
await prepareOfflinePackages({ dir, refresh: true, log: (line) => stderr.write(`${line}\n`) });
