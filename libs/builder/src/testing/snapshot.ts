import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * What a client can see of a tree, by path: type, mode, modification time in seconds, content or target. Two trees
 * that give the same snapshot are the same to whoever uses them. Paths are one character a byte.
 */
export function snapshot(root: string): Map<string, string> {
  const entries = new Map<string, string>();
  visit(Buffer.from(root), '', entries);
  return entries;
}

function visit(source: Buffer, path: string, entries: Map<string, string>): void {
  const stat = lstatSync(source);
  const mode = (stat.mode & 0o7777).toString(8);
  const time = stat.mtimeMs / 1000;
  if (stat.isSymbolicLink()) {
    entries.set(path, `link ${readlinkSync(source, { encoding: 'latin1' })}`);
  } else if (stat.isFile()) {
    const hash = createHash('sha256').update(readFileSync(source)).digest('hex');
    entries.set(path, `file ${mode} ${time} ${hash}`);
  } else {
    entries.set(path, `folder ${mode} ${time}`);
    for (const name of readdirSync(source, { encoding: 'buffer' })) {
      const child = Buffer.concat([source, Buffer.from('/'), name]);
      visit(child, `${path}/${name.toString('latin1')}`, entries);
    }
  }
}
