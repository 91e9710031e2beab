import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Files in PEM form. */
export interface Certificates {
  /** A folder with `ca.crt` and nothing else, as container clients take it. */
  readonly trustFolder: string;
  readonly authority: string;
  /** For `localhost` and 127.0.0.1. */
  readonly certificate: string;
  readonly key: string;
}

/** Makes a certificate authority and a certificate of it for a server on this machine, below `dir`. */
export function createCertificates(dir: string): Certificates {
  const trustFolder = path.join(dir, 'trust');
  mkdirSync(trustFolder, { recursive: true });
  const authority = path.join(trustFolder, 'ca.crt');
  const authorityKey = path.join(dir, 'ca.key');
  const certificate = path.join(dir, 'server.crt');
  const key = path.join(dir, 'server.key');
  const request = path.join(dir, 'server.csr');
  const extensions = path.join(dir, 'server.ext');
  writeFileSync(extensions, 'subjectAltName = DNS:localhost, IP:127.0.0.1\n');

  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', authorityKey, '-out', authority, ...subject('CA'));
  openssl('req', ...curve, '-keyout', key, '-out', request, ...subject('localhost'));
  const signing = ['-CA', authority, '-CAkey', authorityKey, '-set_serial', '1'];
  openssl('x509', '-req', '-in', request, ...signing, '-extfile', extensions, '-out', certificate);
  return { trustFolder, authority, certificate, key };
}

function subject(commonName: string): readonly string[] {
  return ['-subj', `/CN=${commonName}`];
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
