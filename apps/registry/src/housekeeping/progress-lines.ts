import type { Progress } from '@nixery/builder';

/** Between two lines (ms); what is done sooner says nothing. */
const EVERY_MS = 5_000;

const STEPS: Readonly<Record<Progress['step'], string>> = {
  list: 'blobs listed',
  manifests: 'manifests read',
  content: 'blobs read',
  records: 'records read',
  delete: 'blobs removed',
  copy: 'blobs looked at',
};

/** Says now and then how far it is. */
export function progressLines(
  output: Pick<NodeJS.WritableStream, 'write'>,
): (progress: Progress) => void {
  let last = performance.now();
  return ({ done, step, total }) => {
    const now = performance.now();
    if (now - last < EVERY_MS) return;
    last = now;
    output.write(`${done}${total === undefined ? '' : ` of ${total}`} ${STEPS[step]}\n`);
  };
}
