import { DocumentError } from './errors.ts';

/**
 * The value of a number that a source file states, as a constant or as a field of an object. Read from the text: a library
 * does not export what only its documentation wants to know.
 *
 * @throws DocumentError `no-limit` where there is no such number
 */
export function constantOf(source: string, name: string): number {
  const stated = new RegExp(
    String.raw`^\s*(?:(?:export )?const ${name}(?:: number)? =|${name}:)\s+([\w.* ]+)[;,]$`,
    'm',
  ).exec(source)?.[1];
  if (stated === undefined) throw new DocumentError('no-limit', `no number is called ${name}`);
  return stated
    .split(/(?<!\*)\*(?!\*)/)
    .map((power) => power.split('**').map((part) => numberOf(source, part.trim())))
    .map(([base = Number.NaN, exponent = 1]) => base ** exponent)
    .reduce((product, factor) => product * factor, 1);
}

/** A factor: a number, or what another one is called. */
function numberOf(source: string, factor: string): number {
  return /^[\d_.]+$/.test(factor) ? Number(factor.replaceAll('_', '')) : constantOf(source, factor);
}
