import { type ManifestRecord, Recent } from '@nixery/cache';

/** The representations of an image, in the order the server prefers them. */
const FORMS = ['oci', 'docker'] as const satisfies readonly (keyof ManifestRecord['forms'])[];
export type Form = (typeof FORMS)[number];

/** What a tag stands for: one platform's image, or an index of several. */
type Subject = 'image' | 'index';

const MEDIA_TYPES: Readonly<Record<Subject, Readonly<Record<Form, string>>>> = {
  image: {
    oci: 'application/vnd.oci.image.manifest.v1+json',
    docker: 'application/vnd.docker.distribution.manifest.v2+json',
  },
  index: {
    oci: 'application/vnd.oci.image.index.v1+json',
    docker: 'application/vnd.docker.distribution.manifest.list.v2+json',
  },
};

export const MANIFEST_MEDIA_TYPES: readonly string[] = Object.values(MEDIA_TYPES).flatMap(
  Object.values<string>,
);

/** Media ranges, in lower case and without parameters, and whether they are wanted: `q=0` says that one is not. */
type Accept = ReadonlyMap<string, boolean>;

/** Each client sends the same header over and over. */
const parsed = new Recent<string, Accept>(100);

/**
 * The form to answer with: the first in the server's order that is accepted at all. Quality values other than 0 and the
 * order of the header do not count: docker lists its types in random order.
 *
 * @param accept the Accept header; none means anything (RFC 9110, section 12.5.1)
 * @returns undefined when no form is accepted
 */
export function chooseForm(
  accept: string | undefined,
  subject: Subject = 'image',
): Form | undefined {
  return FORMS.find((form) => accepts(accept, MEDIA_TYPES[subject][form]));
}

/**
 * Whether a media type is accepted; the most specific range that covers it decides.
 *
 * @param mediaType in lower case, without parameters
 */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined) return true;
  const ranges = parseAccept(accept);
  if (ranges.size === 0) return true;
  const type = mediaType.slice(0, mediaType.indexOf('/'));
  return ranges.get(mediaType) ?? ranges.get(`${type}/*`) ?? ranges.get('*/*') ?? false;
}

function parseAccept(accept: string): Accept {
  const known = parsed.get(accept);
  if (known !== undefined) return known;
  const ranges = new Map<string, boolean>();
  for (const element of accept.split(',')) {
    const [range = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
    if (range === '') continue;
    const wanted = !parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter));
    // The same range with several parameters is wanted if it is with any of them.
    ranges.set(range, wanted || ranges.get(range) === true);
  }
  parsed.set(accept, ranges);
  return ranges;
}
