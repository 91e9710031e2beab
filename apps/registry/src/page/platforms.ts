import type { System } from '@nixery/builder';

/** Platforms as container clients write them. */
export const PLATFORM_TEXTS: Readonly<Record<System, string>> = {
  'x86_64-linux': 'linux/amd64',
  'aarch64-linux': 'linux/arm64',
};

export function platformText(systems: readonly System[]): string {
  return systems.map((system) => PLATFORM_TEXTS[system]).join(' and ');
}
