/** What GitHub makes of a document, as far as links are concerned: https://github.github.com/gfm/ */

export interface Link {
  readonly target: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Fenced and indented code is blanked, so that lines keep their numbers. */
function withoutCode(document: string): string {
  let fence: string | undefined;
  return document
    .split('\n')
    .map((line) => {
      const [, mark = ''] = /^\s*(`{3,}|~{3,})/.exec(line) ?? [];
      if (fence === undefined) {
        if (mark !== '') fence = mark;
        return mark === '' ? line : '';
      }
      if (mark.startsWith(fence)) fence = undefined;
      return '';
    })
    .join('\n');
}

/** The anchors of a document's headings; repeated ones are numbered. */
export function anchorsOf(document: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, text = ''] of withoutCode(document).matchAll(/^#{1,6} +(.*?)(?: +#+)? *$/gm)) {
    const anchor = anchorOf(text);
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  return anchors;
}

function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');
}

/** Links and images, without those in code. */
export function linksOf(document: string): readonly Link[] {
  return withoutCode(document)
    .split('\n')
    .flatMap((text, i) =>
      [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(
        ([, target = '']) => ({ target, line: i + 1 }),
      ),
    );
}

/** The lines of fenced code, and what stands between backticks in text. */
export function codeOf(document: string): readonly string[] {
  const text = withoutCode(document);
  const fenced = document.split('\n').filter((line, i) => line !== text.split('\n')[i]);
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...fenced, ...inline];
}
