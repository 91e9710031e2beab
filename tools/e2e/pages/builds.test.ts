import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RegistryServer, startRegistry } from '../server.ts';
import { launchBrowser } from './browser.ts';

let dir: string;
let server: RegistryServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser complained of: errors of scripts, refusals of the content policy, files that are not there. */
let complaints: string[];

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-pages-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
});
afterEach(async () => {
  await context.close();
  if (complaints.length > 0) throw new Error(`the browser complained: ${complaints.join('; ')}`);
});

function pull(name: string): Promise<Response> {
  return fetch(`${server.url}/v2/${name}/manifests/latest`);
}

describe('a build', () => {
  test('is seen in the list and followed live, without reloading, to its digest', async () => {
    const pulled = pull('slow12/hello');
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'hello/slow12' }).click();
    await page.getByText('second 2 of 12').waitFor();
    await page.getByRole('status').getByText('running').waitFor();
    expect(await page.getByText('second 11 of 12').count()).toBe(0);
    await page.evaluate(`document.body.setAttribute('data-same-page', 'yes')`);

    await page.getByRole('status').getByText('done').waitFor();
    await page.getByText('second 12 of 12').waitFor();
    const digest = (await pulled).headers.get('docker-content-digest') ?? 'none';
    await page.getByText(digest).waitFor();
    expect(await page.locator('body').getAttribute('data-same-page')).toBe('yes');
    const lines = (await page.locator('#log').innerText()).trim().split('\n');
    expect(lines.filter((line) => line.startsWith('second '))).toEqual(
      Array.from({ length: 12 }, (_, i) => `second ${i + 1} of 12`),
    );
    expect(await page.getByRole('progressbar').count()).toBe(2);
  });

  test('survives reloading the page, in which its log is whole', async () => {
    const pulled = pull('slow3');
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'slow3' }).click();
    await page.getByText('second 1 of 3').waitFor();
    await page.reload();
    await page.getByRole('status').getByText('done').waitFor();
    const log = await page.locator('#log').innerText();
    expect(log.match(/second \d of 3/g)).toEqual([
      'second 1 of 3',
      'second 2 of 3',
      'second 3 of 3',
    ]);
    expect((await pulled).status).toBe(200);
  });

  test('that failed shows the derivation and its log, in which nothing executes', async () => {
    await pull('failinghostile');
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'failinghostile' }).click();
    await page.getByRole('region', { name: 'What went wrong' }).waitFor();
    const failure = await page.getByRole('region', { name: 'What went wrong' }).innerText();
    expect(failure).toContain('failing-hostile-1.0.drv');
    expect(failure).toContain('<script>document.title = "taken"</script>');
    expect(failure).toContain('<img src=x onerror=');
    expect(await page.title()).toBe('failinghostile — Nixery');
  });

  test('can be followed without scripts', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const pulled = pull('slow4');
    const reader = await plain.newPage();
    await reader.goto(`${server.url}/builds`);
    await reader.getByRole('link', { name: 'slow4' }).click();
    await reader.getByRole('status').getByText('done').waitFor();
    expect((await pulled).status).toBe(200);
    await plain.close();
  });

  test('that nobody knows is not found', async () => {
    const address = `${server.url}/builds/${randomUUID()}`;
    for (const part of ['', '.json', '/events']) {
      expect((await fetch(address + part)).status, part).toBe(404);
    }
  });
});

test('the pages fit a phone and have one main heading each', async () => {
  await (await pull('hello')).arrayBuffer();
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${server.url}/builds`);
  const build = await page.getByRole('link', { name: 'hello', exact: true }).getAttribute('href');
  for (const address of ['/', '/builds', build ?? '']) {
    await page.goto(`${server.url}${address}`);
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(overflow, address).toBe(0);
    expect(await page.getByRole('heading', { level: 1 }).count(), address).toBe(1);
    expect(await page.evaluate('document.styleSheets.length'), address).toBe(1);
  }
});
