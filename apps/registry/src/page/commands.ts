import { reference } from '../images/image-names.ts';
import { breakable } from './breakable.ts';
import { type Html, html, join } from './html.ts';
import type { Place } from './place.ts';

/** What people write to use an image, each to be copied. */
export function commands({ host, isPlain }: Place, name: string, tag: string): Html {
  const image = `${host}/${reference(name, tag)}`;
  const insecure = isPlain ? ' --tls-verify=false' : '';
  const lines = [
    ['docker', `docker pull ${image}`],
    ['podman', `podman run${insecure} --rm -it ${image}`],
    ['Kubernetes', `image: ${image}`],
    ['Dockerfile', `FROM ${image}`],
  ] as const;
  return html`<div class="commands">${join(lines.map(([label, text]) => copyable(label, text)))}</div>`;
}

/** A line with a button that copies it; without scripts there is no button. */
export function copyable(label: string, text: string): Html {
  const id = `copy-${label.toLowerCase().replaceAll(' ', '-')}`;
  return html`<div class="copyable"><span class="what" id="${id}-label">${label}</span><code id="${id}" tabindex="0" role="group" aria-labelledby="${id}-label">${breakable(text)}</code><button type="button" data-copy="${id}">Copy<span class="hidden"> for ${label}</span></button></div>`;
}
