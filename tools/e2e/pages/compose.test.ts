import { mkdtempSync, rmSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RegistryServer, startRegistry } from '../server.ts';
import { z } from 'zod';
import { launchBrowser } from './browser.ts';

const patient = { timeout: 60_000, interval: 100 };

/** Packages whose words would run, or break out of where they stand, on a page that does not escape them. */
const HOSTILE = `
  hostile = hello // {
    name = "hostile-1.0";
    version = "1\\"><script>document.title='taken'</script>";
    meta = hello.meta // {
      description = "</b></a></li><img src=x onerror=\\"document.title='taken'\\"> hostilewords";
      license = { spdxId = "<svg/onload=document.title='taken'>"; free = true; };
    };
  };
`;

let dir: string;
let server: RegistryServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser complained of: errors of scripts, refusals of the content policy, files that are not there. */
let complaints: string[];

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-compose-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'));
  await cp(path.join(packages, 'default.nix'), path.join(packages, 'plain.nix'));
  await writeFile(
    path.join(packages, 'default.nix'),
    `args: let set = import ./plain.nix args; inherit (set) hello; in set // {${HOSTILE}}\n`,
  );
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages, NIXERY_SEARCH: 'on' });
  await vi.waitFor(async () => {
    const answer = await fetch(`${server.url}/packages.json?q=hello`);
    if (!(await answer.text()).includes('"state":"ready"')) throw new Error('not indexed yet');
  }, patient);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await open({ permissions: ['clipboard-read', 'clipboard-write'] });
  complaints = [];
});
afterEach(async () => {
  await context.close();
  if (complaints.length > 0) throw new Error(`the browser complained: ${complaints.join('; ')}`);
});

async function open(options: BrowserContextOptions): Promise<void> {
  context = await browser.newContext(options);
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
}

async function reopen(options: BrowserContextOptions): Promise<void> {
  await context.close();
  await open(options);
}

function pull(name: string): Promise<Response> {
  return fetch(`${server.url}/v2/${name}/manifests/latest`);
}

const Builds = z.object({ builds: z.array(z.object({ id: z.string(), name: z.string() })) });

async function builds(): Promise<z.infer<typeof Builds>['builds']> {
  return Builds.parse(await (await fetch(`${server.url}/builds.json`)).json()).builds;
}

/** A command on the page. */
function command(label: string) {
  return page.getByRole('group', { name: label, exact: true });
}

describe('the composer', () => {
  test('finds packages as one types, and adds and removes them without loading the page anew', async () => {
    await page.goto(server.url);
    await page.evaluate(`document.body.setAttribute('data-same-page', 'yes')`);
    const search = page.getByRole('combobox', { name: 'Find packages' });
    await search.pressSequentially('says hel');
    const hello = page.getByRole('option', { name: /^hello 2\.12/ });
    await hello.waitFor();
    expect(await hello.innerText()).toContain('Says hello · GPL-3.0-or-later');
    expect(await search.getAttribute('aria-expanded')).toBe('true');
    await hello.click();

    await command('docker').getByText(`docker pull ${server.host}/hello`).waitFor();
    expect(await search.inputValue()).toBe('');
    expect(await page.locator('#q:focus').count()).toBe(1);
    await search.fill('camelcase');
    await page.getByRole('option', { name: /^camelCase/ }).click();
    await command('Dockerfile').getByText(`FROM ${server.host}/camelcase/hello`).waitFor();

    await page.getByRole('link', { name: 'Remove hello' }).click();
    await command('Kubernetes').getByText(`image: ${server.host}/camelcase`).waitFor();
    expect(await page.locator('body').getAttribute('data-same-page')).toBe('yes');

    await page.goBack();
    await command('docker').getByText(`docker pull ${server.host}/camelcase/hello`).waitFor();
    await page.reload();
    await command('docker').getByText(`docker pull ${server.host}/camelcase/hello`).waitFor();
  });

  test('can be used with the keyboard alone', async () => {
    await page.goto(server.url);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const search = page.getByRole('combobox', { name: 'Find packages' });
    for (let i = 0; i < 5 && (await page.locator('#q:focus').count()) === 0; i++) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.insertText('shares');
    await page.getByRole('option', { name: /^sharesB/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    const last = await search.getAttribute('aria-activedescendant');
    expect(last).not.toBeNull();
    await page.keyboard.press('Escape');
    expect(await search.getAttribute('aria-activedescendant')).toBeNull();
    await page.keyboard.press('ArrowDown');
    const list = page.getByRole('listbox', { name: 'Packages found' });
    const first = list.getByRole('option', { selected: true });
    expect(await first.count()).toBe(1);
    const name = (await first.innerText()).split(' ')[0] ?? '';
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: `Remove ${name}` }).waitFor();

    await page.keyboard.insertText('hello');
    await page.getByRole('option', { name: /^hello 2\.12/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Remove hello' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    const image = `${server.host}/shell/hello/${name.toLowerCase()}`;
    await command('docker').getByText(image).waitFor();
  });

  test('copies a command with one click', async () => {
    await page.goto(`${server.url}/?package=hello&platform=arm64&tag=v1`);
    await page.getByRole('button', { name: 'Copy for podman' }).click();
    await page.getByText('Copied: podman run').waitFor();
    const copied = await page.evaluate('navigator.clipboard.readText()');
    expect(copied).toBe(`podman run --tls-verify=false --rm -it ${server.host}/arm64/hello:v1`);
  });

  test('tells the size of an image that is built, and what is known of one that is not', async () => {
    await pull('hello');
    await page.goto(`${server.url}/?package=hello`);
    await page.getByText(/ compressed, in \d+ layers\./).waitFor();
    await page.getByRole('link', { name: 'All about this image' }).click();
    await page.getByRole('heading', { level: 1, name: 'hello' }).waitFor();
    await page.getByRole('link', { name: 'Compose another image from these' }).click();
    await page.getByRole('link', { name: 'Remove hello' }).waitFor();

    await page.goto(`${server.url}/?package=hello&package=unicodenames`);
    await page.getByText('Not built yet. At least').waitFor();
    await page.getByText('Nothing is known yet of unicodenames.').waitFor();
    expect((await builds()).map(({ name }) => name)).not.toContain('hello/unicodenames');
  });

  test('says why there can be no such image, and shows packages that cannot be had with the reason', async () => {
    await page.goto(`${server.url}/?package=a--b&package=no_such_&q=broken`);
    await page.getByRole('alert').getByText('is not allowed').waitFor();
    const broken = page.getByRole('option', { name: /^broken/ });
    expect(await broken.getAttribute('aria-disabled')).toBe('true');
    expect(await broken.innerText()).toContain('marked as broken');
  });

  test('works without scripts, as a form and with links', async () => {
    await reopen({ javaScriptEnabled: false });
    await page.goto(server.url);
    expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0);
    await page.getByLabel('Find packages').fill('hello');
    await page.getByRole('button', { name: 'Search' }).click();
    await page
      .getByRole('list', { name: 'Packages found' })
      .getByRole('link', { name: /^hello 2/ })
      .click();
    await page.getByText(`docker pull ${server.host}/hello`).waitFor();
    await page.getByLabel('A shell').check();
    await page.getByLabel('Platform').selectOption('linux/arm64');
    await page.getByLabel('Tag').fill('v2');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText(`docker pull ${server.host}/arm64/shell/hello:v2`).waitFor();
    await page.getByRole('link', { name: 'Remove hello' }).click();
    await page.getByText(`docker pull ${server.host}/arm64/shell:v2`).waitFor();
  });

  test('shows hostile packages and addresses as text: nothing executes', async () => {
    await page.goto(`${server.url}/?q=hostilewords`);
    const hostile = page.getByRole('option', { name: /^hostile/ });
    await hostile.waitFor();
    expect(await hostile.innerText()).toContain('<img src=x onerror=');
    expect(await hostile.innerText()).toContain('<svg/onload=');
    await hostile.click();
    await page.getByRole('link', { name: 'Remove hostile' }).waitFor();
    await page.goto(`${server.url}/images/hostile`);
    await page.getByText('"><script>').waitFor();

    const script = encodeURIComponent(`"><script>document.title='taken'</script>`);
    for (const query of [`q=${script}`, `package=${script}`, `package=hello&tag=${script}`]) {
      await page.goto(`${server.url}/?${query}`);
      expect(await page.title()).toBe('Nixery: container images on demand');
    }
  });
});

/** An address of every kind of page. */
async function addresses(): Promise<readonly string[]> {
  await (await pull('hello')).arrayBuffer();
  await (await pull('failinghostile')).arrayBuffer();
  return [
    '/',
    '/?q=hello&package=hello&package=sharesa&shell=1',
    '/?package=a_-b',
    '/images/hello',
    '/images/shell/manypaths:v1',
    '/builds',
    ...(await builds()).map(({ id }) => `/builds/${id}`),
  ];
}

describe('every page', () => {
  test('fits a phone, in light and dark, and has one main heading and names for all that is used', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await reopen({ colorScheme, viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' });
      for (const address of await addresses()) {
        await page.goto(`${server.url}${address}`);
        const overflow = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect(overflow, address).toBe(0);
        expect(await page.getByRole('heading', { level: 1 }).count(), address).toBe(1);
        expect(await page.evaluate(UNNAMED), address).toEqual([]);
        expect(await page.evaluate(FAINT), `${address}, ${colorScheme}`).toEqual([]);
      }
    }
  });

  test('that is not there says so', async () => {
    const response = await page.goto(`${server.url}/images/Not%20a%20name`);
    expect(response?.status()).toBe(400);
    await page.getByRole('heading', { name: 'This address cannot be read' }).waitFor();
    await page.getByRole('link', { name: 'Compose an image' }).click();
    await page.getByRole('heading', { name: 'Container images on demand' }).waitFor();
    // A status that is no success is told to the console.
    complaints = complaints.filter((complaint) => !complaint.includes('status of 400'));
  });
});

/** What can be used and has no name to be told by. */
const UNNAMED = `[...document.querySelectorAll('a, button, input:not([type=hidden]), select')]
  .filter((element) => !element.textContent.trim() && !element.getAttribute('aria-label') && !element.labels?.length)
  .map((element) => element.outerHTML)`;

/**
 * Texts that stand out less from what is behind them than WCAG's level AA asks for.
 * https://www.w3.org/TR/WCAG22/#contrast-minimum
 */
const FAINT = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  function rgb(color) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  }
  function luminance([r, g, b]) {
    const [x, y, z] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  }
  function behind(element) {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  }
  const texts = [...document.querySelectorAll('main *, header *')].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''),
  );
  return texts.flatMap((element) => {
    const [a, b] = [rgb(getComputedStyle(element).color), behind(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return contrast < 4.5 ? [element.outerHTML.slice(0, 80) + ' ' + contrast.toFixed(2)] : [];
  });
})()`;
