import type { ManifestRecord } from '@nixery/cache';

/** The representations of an image, in the order the server prefers them. */
const FORMS = ['oci', 'docker'] as const satisfies readonly (keyof ManifestRecord['forms'])[];
export type Form = (typeof FORMS)[number];

const MEDIA_TYPES: Readonly<Record<Form, string>> = {
  oci: 'application/vnd.oci.image.manifest.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
};

export const MANIFEST_MEDIA_TYPES: readonly string[] = Object.values(MEDIA_TYPES);

/**
 * The form to answer with: the first in the server's order that is accepted at all. Quality values other than 0 and the
 * order of the header do not count: docker lists its types in random order.
 *
 * @param accept the Accept header; none means anything (RFC 9110, section 12.5.1)
 * @returns undefined when no form is accepted
 */
export function chooseForm(accept: string | undefined): Form | undefined {
  if (accept === undefined || accept.trim() === '') return FORMS[0];
  const accepted = new Set<string>();
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (!parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter))) accepted.add(type);
  }
  return FORMS.find(
    (form) =>
      accepted.has(MEDIA_TYPES[form]) || accepted.has('application/*') || accepted.has('*/*'),
  );
}
