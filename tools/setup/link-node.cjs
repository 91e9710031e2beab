// Puts the pinned Node into node_modules/.bin, so that whatever npm and npx start runs on it.
// Both platform packages claim that name, and npm 10 and older then link neither.
const fs = require('node:fs');
const path = require('node:path');

const link = path.join(__dirname, '../../node_modules/.bin/node');
let target;
try {
  target = require.resolve(`node-${process.platform}-${process.arch}/bin/node`);
} catch {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 24) {
    console.error(
      `No Node 24 build is pinned for ${process.platform}-${process.arch}, and this Node is ${process.version}: put Node 24 or later on PATH.`,
    );
    process.exit(1);
  }
  process.exit(0);
}
fs.mkdirSync(path.dirname(link), { recursive: true });
fs.rmSync(link, { force: true });
// Relative, so that a workspace can be moved.
fs.symlinkSync(path.relative(path.dirname(link), target), link);
