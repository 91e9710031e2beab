import { html } from './html.ts';
import { registryHost } from '../http/host.ts';
import { page } from './layout.ts';

/**
 * The page at `/`.
 *
 * @param host the Host header: what people have to write before an image's name
 */
export function indexPage(host: string | undefined): string {
  const registry = registryHost(host);
  return page({
    title: 'Nixery: container images on demand',
    body: html`<h1>Container images on demand</h1>
<p class="lead">Name the packages, pull the image. This registry builds it with Nix while you wait.</p>

<pre><code>docker pull ${registry}/<b>shell</b>/<b>git</b>/<b>jq</b></code></pre>
<p>That is an image with a shell, git and jq, and nothing else but what they need.</p>

<h2>How an image name is read</h2>
<dl>
<dt><code>${registry}/git/htop</code></dt>
<dd>Each part is a Nix package. Order and repetition do not matter.</dd>
<dt><code>${registry}/shell/git</code></dt>
<dd><code>shell</code>, at the beginning, adds bash, coreutils, moreutils and nano.</dd>
<dt><code>${registry}/arm64/shell/git</code></dt>
<dd><code>arm64</code> or <code>amd64</code>, at the beginning, choose the platform; amd64 unless told.</dd>
<dt><code>${registry}/python3packages.requests</code></dt>
<dd>A dot reaches into a set of packages. Image names are lower-case; packages are found whatever their case.</dd>
</dl>

<h2>Run it</h2>
<pre><code>docker run --rm -it ${registry}/shell/git bash</code></pre>`,
  });
}
