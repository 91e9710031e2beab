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

/** Goes there with the Tab key. */
async function tabTo(selector: string): Promise<void> {
  for (let i = 0; i < 30; i++) {
    if ((await page.locator(`${selector}:focus`).count()) > 0) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the Tab key never reached ${selector}`);
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

    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const other = image.replace('/shell', '/arm64/shell');
    await command('docker').getByText(other).waitFor();
    await tabTo('a.remove');
    await page.keyboard.press('Enter');
    const rest = `${server.host}/arm64/shell/hello`;
    await command('docker').getByText(rest, { exact: false }).waitFor();
    await page.getByRole('link', { name: `Remove ${name}` }).waitFor({ state: 'detached' });
    expect(await page.locator('#q:focus').count()).toBe(1);
    await tabTo('button[data-copy]');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Copied: ').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`docker pull ${rest}`);
  });

  test('a jump within the page loads nothing anew, which would take what is typed meanwhile', async () => {
    await page.goto(`${server.url}/?q=shares`);
    const loaded: string[] = [];
    page.on('request', (request) => {
      if (request.resourceType() === 'fetch') loaded.push(request.url());
    });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#main$/);
    await page.waitForTimeout(200);
    expect(loaded).toEqual([]);

    await page.getByRole('option', { name: /^sharesB/ }).click();
    await page.getByRole('link', { name: 'Remove sharesB' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'Remove sharesB' }).waitFor({ state: 'detached' });
  });

  test('reads out what a search finds and what the image has, to who does not see it', async () => {
    await page.goto(server.url);
    const status = page.getByRole('status');
    await page.getByRole('combobox', { name: 'Find packages' }).fill('hello');
    await status.getByText('found for “hello”.').waitFor();
    await page.getByRole('option', { name: /^hello 2/ }).click();
    await status.getByText('The image has hello.').waitFor();
    await page.getByLabel('A shell').check();
    await status.getByText('The image has hello, a shell.').waitFor();
    await page.getByRole('combobox', { name: 'Find packages' }).fill('nothing of this kind');
    await status.getByText('Nothing found for “nothing of this kind”.').waitFor();
    await page.getByRole('combobox', { name: 'Find packages' }).fill('hello of this kind');
    await status.getByText('Nothing has all of “hello of this kind”').waitFor();
    expect(await page.getByRole('option', { name: /^linkedHello/ }).count()).toBe(1);
  });

  test('shows what the last search found, in whatever order answers come', async () => {
    await page.goto(server.url);
    const { promise: isLate, resolve: letGo } = Promise.withResolvers<void>();
    const { promise: wasAsked, resolve: asked } = Promise.withResolvers<void>();
    await page.route(/q=shares/, async (route) => {
      asked();
      await isLate;
      // The page does not want it any more.
      await route.continue().catch(() => undefined);
    });
    const search = page.getByRole('combobox', { name: 'Find packages' });
    await search.fill('shares');
    await wasAsked;
    await page.locator('#results[aria-busy=true]').waitFor({ state: 'attached' });
    await search.fill('camelcase');
    await page.getByRole('option', { name: /^camelCase/ }).waitFor();
    letGo();
    await page.unrouteAll({ behavior: 'wait' });
    expect(await page.getByRole('option', { name: /^shares/ }).count()).toBe(0);
    expect(await page.locator('#results').getAttribute('aria-busy')).not.toBe('true');
    expect(await page.locator('#found').innerText()).toBe('1 found for “camelcase”.');
  });

  test('asks once for what is typed in one go, and Enter adds what is typed even before it is found', async () => {
    await page.goto(server.url);
    const asked: string[] = [];
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname === '/') asked.push(search);
    });
    // In one go, so that no pause on a slow machine comes between.
    await page.evaluate(`{
      const input = document.getElementById('q');
      for (const text of ['h', 'hel', 'hello']) {
        input.value = text;
        input.dispatchEvent(new Event('input', { bubbles: true }));
      }
      input.form.requestSubmit();
    }`);
    await page.getByRole('link', { name: 'Remove hello' }).waitFor();
    expect(asked).toEqual(['?q=hello', '?package=hello']);
    expect(await page.getByRole('combobox', { name: 'Find packages' }).inputValue()).toBe('');
  });

  test('says that the registry is too busy, and searches again as one types on', async () => {
    await page.goto(server.url);
    await page.route(/q=hel$/, (route) => route.fulfill({ status: 429, body: '' }));
    const search = page.getByRole('combobox', { name: 'Find packages' });
    await search.fill('hel');
    const text = 'That did not work: too many ask at the moment. Try again.';
    await page.locator('#found').getByText(text).waitFor();
    await page.getByRole('status').getByText(text).waitFor();
    await search.fill('hello');
    await page.getByRole('option', { name: /^hello 2\.12/ }).waitFor();
    expect(await page.getByText(text).count()).toBe(0);
    // A status that is no success is told to the console.
    complaints = complaints.filter((complaint) => !complaint.includes('status of 429'));
  });

  test('warns of packages that a pull would fail for', async () => {
    await page.goto(`${server.url}/?package=unfree&package=nosuchthing&package=hello`);
    await page.getByText('unfree cannot be had: not free software').waitFor();
    await page.getByText('The search knows no package nosuchthing; a pull may fail.').waitFor();
    expect(await page.locator('.warning').count()).toBe(2);
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
    await page.getByText(/ compressed, in \d+ layers$/).waitFor();
    await page.getByRole('link', { name: 'All about this image' }).click();
    await page.getByRole('heading', { level: 1, name: 'hello' }).waitFor();
    await page.getByRole('link', { name: 'Compose another image from these' }).click();
    await page.getByRole('link', { name: 'Remove hello' }).waitFor();

    await page.goto(`${server.url}/?package=hello&package=unicodenames`);
    await page.getByText(/^At least [\d.]+ MB compressed$/).waitFor();
    await page.getByText('Not built yet: the first pull builds it.').waitFor();
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
