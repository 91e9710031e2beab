import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { prepareTestPackages } from '@nixery/builder/testing';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';

import { type RegistryServer, startRegistry } from '../server.ts';
import { launchBrowser } from './browser.ts';

const PATIENT = { timeout: 60_000, interval: 100 };

/** What WCAG 2.1 and 2.2 ask for at level AA, as far as a machine can tell, and what axe recommends beyond. */
const RULES = [
  ...['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  'best-practice',
] as const;

const Violations = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }),
);

let dir: string;
let server: RegistryServer;
let browser: Browser;
/** An address of every kind of page, in every state, and what to do there before it is looked at. */
let pages: readonly PageCase[];

interface PageCase {
  readonly title: string;
  readonly address: string;
  readonly act?: (page: Page) => Promise<void>;
}

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-accessibility-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages, NIXERY_SEARCH: 'on' });
  await vi.waitFor(async () => {
    const answer = await fetch(`${server.url}/packages.json?q=hello`);
    if (!(await answer.text()).includes('"state":"ready"')) throw new Error('not indexed yet');
  }, PATIENT);
  browser = await launchBrowser();
  for (const name of ['hello', 'shell/hello', 'failinghostile', 'manypaths']) await pull(name);
  pages = [
    { title: 'the composer, empty', address: '/' },
    { title: 'the composer, with packages and a size', address: '/?package=hello&shell=1' },
    { title: 'the composer, with an estimate', address: '/?package=hello&package=camelcase' },
    { title: 'the composer, with warnings', address: '/?package=unfree&package=nosuchthing' },
    { title: 'the composer, refusing', address: '/?package=a_-b' },
    {
      title: 'the composer, with results',
      address: '/?package=hello',
      act: async (page) => {
        await page.getByRole('combobox', { name: 'Find packages' }).fill('e');
        await page.locator('#results [role=option]').first().waitFor();
        await page.keyboard.press('ArrowDown');
      },
    },
    { title: 'the composer, with refused results', address: '/?q=broken' },
    { title: 'the composer, with nothing found', address: '/?q=zzzz+zzzz' },
    { title: 'an image that is built', address: '/images/shell/hello' },
    { title: 'an image of many store paths', address: '/images/manypaths' },
    { title: 'an image that is not built', address: '/images/shell/manypaths:v1' },
    { title: 'an image whose build failed', address: '/images/failinghostile' },
    { title: 'the list of builds', address: '/builds' },
    { title: 'a build that is done', address: await buildOf('shell/hello'), act: openAll },
    { title: 'a build that failed', address: await buildOf('failinghostile') },
    { title: 'no page', address: '/nothing' },
    { title: 'no build', address: '/builds/nothing' },
    { title: 'no address of an image', address: '/images/Not%20a%20name' },
  ];
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function pull(name: string): Promise<void> {
  await (await fetch(`${server.url}/v2/${name}/manifests/latest`)).arrayBuffer();
}

async function openAll(page: Page): Promise<void> {
  await page.evaluate(
    'for (const details of document.querySelectorAll("details")) details.open = true',
  );
}

const Builds = z.object({ builds: z.array(z.object({ id: z.string(), name: z.string() })) });

async function buildOf(name: string): Promise<string> {
  const { builds } = Builds.parse(await (await fetch(`${server.url}/builds.json`)).json());
  return `/builds/${builds.find((build) => build.name === name)?.id}`;
}

/** What axe finds wrong with a page. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const options = { runOnly: { type: 'tag', values: RULES }, resultTypes: ['violations'] };
  const found = await page.evaluate(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  );
  return Violations.parse(found).map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
}

async function eachPage(
  options: Parameters<Browser['newContext']>[0],
  look: (page: Page, title: string) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    for (const { act, address, title } of pages) {
      await page.goto(`${server.url}${address}`);
      await act?.(page);
      await look(page, title);
    }
  } finally {
    await context.close();
  }
}

/** Goes to a page as another method than GET, as a form could. */
async function send(context: BrowserContext, method: string, address: string): Promise<Page> {
  const page = await context.newPage();
  await page.route('**/*', async (route, request) => {
    await route.continue(request.isNavigationRequest() ? { method } : {});
  });
  await page.goto(address);
  return page;
}

describe.each(['light', 'dark'] as const)('every page, in %s colours', (colorScheme) => {
  test('has nothing that keeps people out, as far as a machine can tell', async () => {
    // Colours that are on their way to others are neither.
    await eachPage({ colorScheme, reducedMotion: 'reduce' }, async (page, title) => {
      expect(await violations(page), title).toEqual([]);
    });
  });

  test('fits a phone, and has nothing that keeps people out there', async () => {
    const viewport = { width: 360, height: 740 };
    await eachPage({ colorScheme, viewport, reducedMotion: 'reduce' }, async (page, title) => {
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow, title).toBe(0);
      expect(await page.getByRole('heading', { level: 1 }).count(), title).toBe(1);
      expect(await page.evaluate('document.styleSheets.length'), title).toBe(1);
      expect(await violations(page), title).toEqual([]);
    });
  });

  test('also without scripts', async () => {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    // Without scripts nothing could look at the page; without these it is what it is without any.
    await page.route('**/*.js', (route) => route.fulfill({ body: '' }));
    for (const address of ['/?q=e&package=hello', '/images/hello', '/builds']) {
      await page.goto(`${server.url}${address}`);
      expect(await violations(page), address).toEqual([]);
    }
    await context.close();
  });

  test('also a build while it goes on, and the list it is in', async () => {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const name = colorScheme === 'light' ? 'slow12' : 'slow13';
    const pulled = pull(name);
    await page.goto(`${server.url}/builds`);
    await page.getByRole('link', { name }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('link', { name }).click();
    await page.getByText('second 1 of').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.locator('.standing').getByText('done').waitFor();
    await pulled;
    await context.close();
  });

  test('also one that says why there is no other', async () => {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    const sender = await send(context, 'DELETE', `${server.url}/builds`);
    await sender.getByRole('heading', { name: 'Nothing can be changed here' }).waitFor();
    expect(await violations(sender)).toEqual([]);
    await context.close();
  });
});

test('nothing moves for who wants nothing to move', async () => {
  const moving = `[...document.querySelectorAll('*')]
    .map((element) => getComputedStyle(element))
    .filter(({ animationName, transitionDuration }) => animationName !== 'none' || transitionDuration !== '0s').length`;
  for (const [reducedMotion, moves] of [
    ['reduce', false],
    ['no-preference', true],
  ] as const) {
    const context = await browser.newContext({ reducedMotion });
    const page = await context.newPage();
    await page.goto(`${server.url}/?package=hello`);
    expect(z.number().parse(await page.evaluate(moving)) > 0, reducedMotion).toBe(moves);
    await context.close();
  }
});
