/** Go's http.Client refuses the tenth redirect, and so do all clients that are written in Go. */
const MAX_REDIRECTS = 9;

/** containerd asks again after 408 and 429 up to five times, at once. */
const MAX_REQUESTS = 6;

/** What containerd does when the headers of an answer do not come in time. */
const MAX_ATTEMPTS = 5;

export interface ContainerdLikeOptions {
  /** How long it waits for the headers of one answer (ms); containerd from 2.3 on: 30 s. */
  readonly headerTimeoutMs: number;
}

export interface ContainerdLikeResult {
  /** Of the last answer. */
  readonly status: number;
  readonly digest: string | null;
  /** Times that it began anew because an answer's headers took too long. */
  readonly timeouts: number;
  readonly redirects: number;
}

/**
 * Resolves a tag as containerd from 2.3 on does, which no Debian has yet: a HEAD that follows redirects, gives up on
 * answers whose headers take too long, and begins anew a few times.
 *
 * @throws Error at a tenth redirect, or when the last attempt took too long
 */
export async function resolveLikeContainerd(
  url: string,
  { headerTimeoutMs }: ContainerdLikeOptions,
): Promise<ContainerdLikeResult> {
  let timeouts = 0;
  let redirects = 0;
  for (let requests = 1; ;) {
    const followed = await follow(url, headerTimeoutMs);
    redirects += followed.redirects;
    if (followed.response === undefined) {
      timeouts += 1;
      if (timeouts >= MAX_ATTEMPTS) throw new Error('the headers of an answer took too long');
      continue;
    }
    const { headers, status } = followed.response;
    if (status === 429 && requests < MAX_REQUESTS) {
      requests += 1;
      continue;
    }
    return { status, digest: headers.get('docker-content-digest'), timeouts, redirects };
  }
}

async function follow(
  start: string,
  headerTimeoutMs: number,
): Promise<{ readonly response: Response | undefined; readonly redirects: number }> {
  let url = start;
  for (let redirects = 0; ; redirects += 1) {
    const response = await head(url, headerTimeoutMs);
    if (response?.status !== 307) return { response, redirects };
    if (redirects === MAX_REDIRECTS) throw new Error('stopped after 10 redirects');
    url = new URL(response.headers.get('location') ?? '', url).href;
  }
}

/** The answer, or undefined where it does not begin in time. */
async function head(url: string, headerTimeoutMs: number): Promise<Response | undefined> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), headerTimeoutMs);
  try {
    return await fetch(url, { method: 'HEAD', redirect: 'manual', signal: giveUp.signal });
  } catch (error) {
    if (giveUp.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
