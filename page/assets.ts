/**
 * The files of the page for the browser, read once. In a bundle, scripts/bundle.ts replaces this module by their text.
 */
import { readFileSync } from 'node:fs';

const read = (name: string): string => readFileSync(new URL(`./client/${name}`, import.meta.url), 'utf8');

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/** The files by their paths. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  '/': { type: 'text/html; charset=utf-8', text: read('page.html') },
  '/icon.svg': { type: 'image/svg+xml', text: read('icon.svg') },
  '/page.css': { type: 'text/css; charset=utf-8', text: read('page.css') },
  '/page.js': { type: SCRIPT, text: read('page.js') },
  '/elements.js': { type: SCRIPT, text: read('elements.js') },
  '/lists.js': { type: SCRIPT, text: read('lists.js') },
  '/network.js': { type: SCRIPT, text: read('network.js') },
  '/picture.js': { type: SCRIPT, text: read('picture.js') },
  '/stream.js': { type: SCRIPT, text: read('stream.js') },
  '/times.js': { type: SCRIPT, text: read('times.js') },
};
