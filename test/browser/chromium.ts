/**
 * Opens the status page in Debian's Chromium, as a person does, and collects the errors of the page.
 */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Starts the browser. Rejects if it is not installed. */
export async function openChromium(): Promise<Browser> {
  const folders = (process.env.PATH ?? '').split(':');
  const executablePath = folders.map((folder) => join(folder, 'chromium')).find(canRun);
  if (executablePath === undefined) throw new Error('chromium is not in PATH: apt-get install chromium');
  // As root in a container, Chromium has no sandbox. It opens only our page.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Opens a page. `problems` gets the errors of its console, also those by its Content-Security-Policy. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 860 }, timezoneId: 'UTC' });
  const problems: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) problems.push(`asked elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return { page, problems };
}

/** Records in the page, from now on, each state in which a validator is drawn. The result reads the record. */
export async function watchStates(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = [];
    const note = () => {
      const nodes = [...document.querySelectorAll('.node')];
      const busy = nodes.flatMap((node) => {
        const [, state = ''] = (node.getAttribute('class') ?? '').split(' ');
        return state === 'up' ? [] : [`${node.id.split('/')[1]} ${state}`];
      });
      const text = busy.join(', ');
      if (seen.at(-1) !== text) seen.push(text);
    };
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
    Object.assign(window, { seenStates: seen });
  });
  return () => page.evaluate(() => (window as unknown as { seenStates: string[] }).seenStates);
}
