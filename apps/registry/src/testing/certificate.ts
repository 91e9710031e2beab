import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Writes `<name>.crt` and `<name>.key`: a certificate for 127.0.0.1, its own issuer, for two days. */
export async function makeCertificate(
  folder: string,
  name: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const pair = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
    ...['-keyout', pair.key, '-out', pair.cert],
  ]);
  return pair;
}
