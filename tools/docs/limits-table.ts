import type { Setting } from '@nixery/registry/settings';
import { constantOf } from './constants.ts';
import { DocumentError } from './errors.ts';
import type { Limit, Unit } from './limits.ts';

/** A table of limits, with their numbers. */
export async function limitsTable(
  limits: readonly Limit[],
  settings: readonly Setting[],
  readSource: (file: string) => Promise<string>,
): Promise<string> {
  const rows = limits.map(async ([what, unit, from, beyond]) => {
    const cells = 'setting' in from ? bySetting(from.setting) : await bySource(...from);
    return `| ${what} | ${amount(cells.value, unit)} | ${cells.where} | ${beyond} |`;
  });

  function bySetting(name: string): { readonly value: number; readonly where: string } {
    const value = Number(settings.find((setting) => setting.name === name)?.default);
    if (Number.isNaN(value)) throw new DocumentError('no-limit', `${name} has no number`);
    return { value, where: `[\`${name}\`](configuration.md#${name.toLowerCase()})` };
  }

  async function bySource(
    file: string,
    name: string,
  ): Promise<{ readonly value: number; readonly where: string }> {
    return { value: constantOf(await readSource(file), name), where: '' };
  }

  const head = ['| what | limit | set by | beyond it |', '| --- | --- | --- | --- |'];
  return [...head, ...(await Promise.all(rows))].join('\n');
}

/** A number in the largest unit that leaves it whole. */
export function amount(value: number, unit: Unit): string {
  switch (unit) {
    case 'count':
      return value === 0 ? 'none' : value.toLocaleString('en');
    case 'bytes':
      return inUnits(value, [
        ['GiB', 1024 ** 3],
        ['MiB', 1024 ** 2],
        ['KiB', 1024],
        ['bytes', 1],
      ]);
    case 'seconds':
      return value === 0 ? 'none' : amount(value * 1000, 'ms');
    case 'ms':
      return inUnits(value, [
        ['h', 3_600_000],
        ['min', 60_000],
        ['s', 1000],
        ['ms', 1],
      ]);
  }
}

function inUnits(value: number, units: readonly (readonly [name: string, size: number])[]): string {
  const [name, size] = units.find(([, size]) => value % size === 0) ?? ['', 1];
  return `${(value / size).toLocaleString('en')} ${name}`;
}
