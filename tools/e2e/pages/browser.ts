import { type Browser, chromium } from 'playwright-core';

/**
 * Debian's Chromium without a window, and without a sandbox: root cannot make it, and others neither where they may make no
 * user namespaces, as in most containers. The pages it loads are ours.
 */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: false,
    args: ['--disable-gpu', '--disable-dev-shm-usage'],
  });
}
