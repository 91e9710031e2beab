/** RFC 9110, section 7.2: a host and perhaps a port; anything else is not shown. */
const HOST = /^[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;

/** What people have to write before an image's name, from the Host header. */
export function registryHost(host: string | undefined): string {
  return host !== undefined && HOST.test(host) ? host : 'HOST';
}
