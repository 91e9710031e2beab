import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
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
    await page.locator('.standing').getByText('running').waitFor();
    expect(await page.getByText('second 11 of 12').count()).toBe(0);
    await page.evaluate(`document.body.setAttribute('data-same-page', 'yes')`);

    await page.locator('.standing').getByText('done').waitFor();
    await page.getByText('second 12 of 12').waitFor();
    const digest = (await pulled).headers.get('docker-content-digest') ?? 'none';
    await page.getByText(digest).waitFor();
    expect(await page.locator('body').getAttribute('data-same-page')).toBe('yes');
    const lines = (await page.locator('#log').innerText()).trim().split('\n');
    expect(lines.filter((line) => line.startsWith('second '))).toEqual(
      Array.from({ length: 12 }, (_, i) => `second ${i + 1} of 12`),
    );
    expect(await page.getByRole('progressbar').count()).toBe(2);
    await page.getByRole('link', { name: 'See the image' }).click();
    await page.getByRole('heading', { level: 1, name: 'hello/slow12' }).waitFor();
  });

  test('tells who does not see it each stage once, and how it ended', async () => {
    const pulled = pull('slow5');
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'slow5' }).click();
    await page.evaluate(NOTE_TOLD);
    await page.getByRole('status').getByText('Done after').waitFor();
    const told = z.array(z.string()).parse(await page.evaluate('window.told'));
    expect(told.at(-1)).toMatch(/^Done after [\d.]+ s$/);
    expect(new Set(told).size).toBe(told.length);
    expect(told.length).toBeLessThan(8);
    expect((await pulled).status).toBe(200);
  });

  test('leaves the focus where it is while the list that it is in changes', async () => {
    const pulled = pull('slow7/hello');
    await page.goto(`${server.url}/builds`);
    const region = page.getByRole('region', { name: 'Builds under way' });
    const link = page.getByRole('link', { name: 'hello/slow7' });
    for (const place of [region, link]) {
      await place.focus();
      // Each change makes all of it anew.
      await page.evaluate(`document.getElementById('live').setAttribute('data-old', 'yes')`);
      await page.locator('#live:not([data-old])').waitFor();
      expect(await place.and(page.locator(':focus')).count()).toBe(1);
    }
    expect((await pulled).status).toBe(200);
  });

  test('counts on while nothing comes of it, and says how many wait', async () => {
    const pulled = Promise.all([pull('hello/slow14'), pull('slow14/hello')]);
    await page.route('**/events?*', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: ': nothing\n\n' }),
    );
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'hello/slow14' }).click();
    await page.getByText('2 requests wait for it').waitFor();
    const elapsed = page.locator('[data-elapsed]');
    const before = Number.parseInt(await elapsed.innerText(), 10);
    await expect
      .poll(async () => Number.parseInt(await elapsed.innerText(), 10))
      .toBeGreaterThan(before + 1);
    for (const { status } of await pulled) expect(status).toBe(200);
  });

  test('that the server has forgotten is not followed for ever', async () => {
    const pulled = pull('slow6');
    await page.route('**/events?*', (route) => route.fulfill({ status: 404, body: '' }));
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'slow6' }).click();
    await page.locator('#state').getByText('This page is not live any more.').waitFor();
    await page.getByRole('status').getByText('This page is not live any more.').waitFor();
    // A status that is no success is told to the console.
    complaints = complaints.filter((complaint) => !complaint.includes('status of 404'));
    expect((await pulled).status).toBe(200);
  });

  test('survives reloading the page, in which its log is whole', async () => {
    const pulled = pull('slow3');
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name: 'slow3' }).click();
    await page.getByText('second 1 of 3').waitFor();
    await page.reload();
    await page.locator('.standing').getByText('done').waitFor();
    const log = await page.locator('#log').innerText();
    expect(log.match(/second \d of 3/g)).toEqual([
      'second 1 of 3',
      'second 2 of 3',
      'second 3 of 3',
    ]);
    expect((await pulled).status).toBe(200);
  });

  test('that others come before is queued, and runs once they have ended', async () => {
    const ownDir = path.join(dir, 'one-process');
    const one = await startRegistry(ownDir, {
      NIXERY_PKGS_PATH: path.join(dir, 'packages'),
      NIXERY_NIX_PROCESSES: '1',
      NIXERY_HOLD_SECONDS: '1',
    });
    const pulls: Promise<unknown>[] = [];
    try {
      pulls.push(fetch(`${one.url}/v2/slow20/manifests/latest`).catch(() => undefined));
      await page.goto(`${one.url}/builds`);
      await page.getByRole('row', { name: 'slow20 running building' }).waitFor();
      pulls.push(fetch(`${one.url}/v2/slow21/manifests/v2`).catch(() => undefined));
      await page.getByRole('row', { name: 'slow21:v2 queued evaluating' }).waitFor();
      await page.getByRole('link', { name: 'slow21:v2' }).click();
      await page.locator('.standing').getByText('queued').waitFor();
      await page.getByText('Other builds have all threads').waitFor();
      await page.getByRole('status').getByText('Running: Build or download').waitFor();
      await page.locator('.standing').getByText('running').waitFor();
      // It has been sent on nine times by now.
      await page.locator('.standing', { hasText: ', 1 request waits for it' }).waitFor();
      await page.goto(`${one.url}/builds`);
      await page.getByRole('row', { name: 'slow20 done' }).waitFor();
      expect(await page.getByText('queued').count()).toBe(0);
    } finally {
      await page.goto('about:blank');
      // It does not wait for builds.
      await one.stop();
      await Promise.all(pulls);
    }
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
    expect(await page.title()).toBe('Build of failinghostile — Nixery');

    await page.getByRole('link', { name: 'failinghostile' }).click();
    await page.getByText('The last build failed').waitFor();
    await page.getByRole('link', { name: 'see why' }).click();
    await page.getByRole('region', { name: 'What went wrong' }).waitFor();
  });

  test('can be followed without scripts', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const pulled = pull('slow4');
    const reader = await plain.newPage();
    await reader.goto(`${server.url}/builds`);
    await reader.getByRole('link', { name: 'slow4' }).click();
    await reader.locator('.standing').getByText('done').waitFor();
    expect((await pulled).status).toBe(200);
    await plain.close();
  });

  test('that nobody knows is not found', async () => {
    const address = `${server.url}/builds/${randomUUID()}`;
    for (const part of ['', '.json', '/events']) {
      expect((await fetch(address + part)).status, part).toBe(404);
    }
    const answer = await fetch(address, { headers: { Accept: 'text/html' } });
    expect(await answer.text()).toContain('This server does not remember such a build');
  });
});

/** Keeps what is read out to who does not see the page. */
const NOTE_TOLD = `
  window.told = [];
  new MutationObserver(() => window.told.push(document.getElementById('told').textContent))
    .observe(document.getElementById('told'), { childList: true });
`;
