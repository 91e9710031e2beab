import type { Amount, CheckReport, CollectionReport, Finding, ImportReport } from '@nixery/builder';

/** One line on something that is not as it should be. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case 'damaged':
      return `damaged: ${finding.digest}`;
    case 'missing':
      return `missing: ${finding.digest}, named by ${finding.of}`;
    case 'wrong-size': {
      const { actual, digest, expected, of } = finding;
      return `wrong size: ${digest} has ${actual} bytes, ${of} says ${expected}`;
    }
    case 'unreadable':
      return `unreadable: ${finding.of}`;
  }
}

export function checkText(report: CheckReport, repair: boolean): string {
  const { blobs, findings, manifests, orphans, records, repaired, uploads } = report;
  const lines = [
    `${blobsText(blobs)}, ${manifests} of them manifests; ${countOf(records, 'record')}.`,
    `${blobsText(orphans)} that no manifest refers to: what is old of that, gc removes.`,
    ...uploadLines(uploads),
    findings === 0 ? 'Everything is as it should be.' : `${countOf(findings, 'finding')}.`,
  ];
  if (repair) lines.push(`Damaged blobs and records that were removed: ${repaired}.`);
  else if (findings > 0) lines.push('With --repair, what servers can make anew is removed.');
  return text(lines);
}

/** What is half stored, each with its age: one that is days old will never end. */
function uploadLines(uploads: CheckReport['uploads']): readonly string[] {
  if (uploads === null) return ['The storage does not tell of unfinished uploads.'];
  if (uploads.length === 0) return [];
  const lines = uploads.map(({ name, size, startedAt }) => {
    const bytes = size === null ? '' : `, ${bytesText(size)} so far`;
    return `unfinished: ${name}, since ${startedAt.toISOString()}${bytes}`;
  });
  return [
    ...lines,
    `${countOf(uploads.length, 'unfinished upload')}: what is old of that, gc removes.`,
  ];
}

const ENDS: Readonly<Record<CollectionReport['end'], string>> = {
  done: '',
  interrupted: 'Interrupted: the rest is left for the next time.',
  busy: 'Stopped: another collection is deleting in this storage.',
  clock: "Stopped: the storage's clock and this machine's differ by more than an hour.",
  blind:
    'Stopped: this storage does not list what was just written, so nothing can be deleted safely.',
};

export function collectionText(report: CollectionReport): string {
  const { deleted, end, images, kept, pullsSince, records, removed, spared, uploads, young } =
    report;
  const lines = [
    `${deleted ? 'Removed' : 'Would remove'} ${blobsText(removed)} and ${countOf(records, 'record')}. Images that go: ${images.dropped}.`,
    `Images that stay: ${images.kept}, with ${blobsText(kept)}.`,
    `Too young to be removed, though no image refers to it: ${blobsText(young)}.`,
    pullsSince === null
      ? 'No pull has been noted yet: images go neither for their age nor for their size.'
      : `Pulls are known since ${new Date(pullsSince).toISOString()}.`,
  ];
  if (uploads === null) lines.push('The storage does not tell of unfinished uploads.');
  else if (uploads > 0) {
    lines.push(`Unfinished uploads that ${deleted ? 'were ended' : 'would be ended'}: ${uploads}.`);
  }
  if (spared > 0)
    lines.push(`Blobs that were spared, since builds have asked for them: ${spared}.`);
  if (end !== 'done') lines.push(ENDS[end]);
  if (!deleted) lines.push('Nothing was removed. Do it with --delete.');
  return text(lines);
}

export function importText({ blobs, copied, damaged, present, records }: ImportReport): string {
  const lines = [
    `${copied ? 'Copied' : 'Would copy'} ${blobsText(blobs)} and ${countOf(records, 'record')}.`,
    `Here already: ${blobsText(present)}.`,
  ];
  if (damaged > 0)
    lines.push(`Left out, since they are damaged there: ${countOf(damaged, 'blob')}.`);
  if (!copied) lines.push('Nothing was copied. Do it with --copy.');
  return text(lines);
}

function blobsText({ bytes, count }: Amount): string {
  return `${countOf(count, 'blob')} (${bytesText(bytes)})`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** In the unit that leaves at least one before the point. */
function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
