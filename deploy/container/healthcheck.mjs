// Whether the server of this container answers: what HEALTHCHECK asks. Ends with 0 or 1.
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const { NIXERY_HOST, NIXERY_TLS_CERT, PORT } = process.env;
const get = NIXERY_TLS_CERT ? getHttps : getHttp;
const host = ['', '0.0.0.0', '::'].includes(NIXERY_HOST ?? '') ? 'localhost' : NIXERY_HOST;
const options = {
  host,
  port: PORT || 8080,
  path: '/healthz',
  timeout: 5000,
  // The certificate is for the name that clients use.
  rejectUnauthorized: false,
};

get(options, (response) => process.exit(response.statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
