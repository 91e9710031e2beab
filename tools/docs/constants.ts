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
    .split('*')
    .map((factor) => factor.trim())
    .map((factor) =>
      /^[\d_.]+$/.test(factor) ? Number(factor.replaceAll('_', '')) : constantOf(source, factor),
    )
    .reduce((product, factor) => product * factor, 1);
}
