/**
 * Packs one layer and prints how much memory that took: `node … packing-memory.ts STORE_DIR PATH SPOOL_FILE FORMAT:LEVEL`.
 */
import { packLayer, parseCompression } from '@nixery/builder/layer';

const [storeDir = '', path = '', spoolFile = '', text = ''] = process.argv.slice(2);
const compression = parseCompression(text);
if (compression === undefined) throw new Error(`not a compression: ${text}`);
const atRest = process.memoryUsage().rss;
const result = packLayer({ paths: [path], storeDir, spoolFile, compression });
if (!result.ok) throw new Error(result.message);
// maxRSS is in KiB.
const peak = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ uncompressedBytes: result.layer.uncompressedSize, atRest, peak }));
