/** What a document says that clients print. */
export interface Transcript {
  /** The section's heading. */
  readonly section: string;
  /** The command as typed, without the prompt. */
  readonly command: string;
  /** What the command prints; `…` stands for any text, also over several lines. */
  readonly output: string;
}

/** Reads the transcripts of a Markdown document: `console` blocks in which a line that begins with `$ ` is a command. */
export function readTranscripts(markdown: string): readonly Transcript[] {
  const sections = markdown.split(/^## /m).slice(1);
  return sections.flatMap((text) => {
    const section = text.slice(0, text.indexOf('\n'));
    const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
    return blocks
      .flatMap((block) => block.split(/^\$ /m).slice(1))
      .map((part) => {
        const [command = '', ...lines] = part.trimEnd().split('\n');
        return { section, command, output: lines.join('\n') };
      });
  });
}

/** A pattern of whole lines for a documented output. */
export function outputPattern(documented: string): RegExp {
  const literal = documented.split('…').map((text) => RegExp.escape(text));
  return new RegExp(`^${literal.join('.*?')}$`, 'ms');
}
