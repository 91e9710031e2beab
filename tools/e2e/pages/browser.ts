import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium without a window. As root it cannot make its sandbox; the pages it loads are ours. */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-gpu', '--disable-dev-shm-usage'],
  });
}
