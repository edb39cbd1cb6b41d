/** The status page as a person sees it: a real Chromium, a real control plane, two replicas that serve it. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { Cores } from '../cluster/cores.ts';
import { Network } from '../cluster/network.ts';
import { startReplica } from '../cluster/replica.ts';
import { createScene, type Scene, SHORT } from '../cluster/scene.ts';
import { statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import { openChromium, openPage, watchStates } from './chromium.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const FOUR = [...THREE, 'validator-4'];
/** Long enough for the page to show a restart. */
const READY_DELAY_MS = 2_000;
const ENV = { CORE_POLL_SECONDS: '1' };
const HOSTILE = '<img src=x onerror="window.taken=1"><script>window.taken=2</script>\u202eskrowten';
const PAUSE = ['-n', 'stellar-peers', 'annotate', 'configmap', 'stellar-peers'];

/** Selects Ready validators. A new pod is connected to no peer until the leader signals it, so it may be `apart`. */
const READY = '.node.up, .node.apart';

describe('the status page in a browser', () => {
  let scene: Scene;
  let cores: Cores;
  let network: Network;
  let browser: Browser;
  let page: Page;
  let problems: string[];

  const shots = process.env.SCREENSHOTS ?? '.run/screenshots';
  const urlOf = (index: number) => `http://127.0.0.1:${scene.replicas?.replicas[index]?.pagePort}/`;
  const shoot = async (name: string) => {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true, animations: 'disabled' });
  };
  const textOf = (selector: string, on = page) => on.locator(selector).allInnerTexts();
  const untilText = (selector: string, text: RegExp, on = page) =>
    until(`${selector} says ${text}`, async () => text.test((await textOf(selector, on)).join('\n')));
  const focused = () => page.evaluate(() => document.activeElement?.id ?? '');
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };

  before(async () => {
    browser = await openChromium();
    scene = await createScene({ env: ENV, readyDelayMs: READY_DELAY_MS });
    cores = new Cores(scene.cluster.admin, () => true);
    await scene.start();
    network = new Network(scene, 'stellar');
    await network.found(THREE);
    await network.untilTheyKnow(THREE);
    ({ page, problems } = await openPage(browser, urlOf(0)));
  });
  after(async () => {
    await browser?.close();
    await cores?.stop();
    await scene?.replicas?.stop();
    await scene?.stop();
  });

  it('shows three validators that know each other, and how they are connected', async () => {
    await until(
      'three validators are drawn as Ready',
      async () => (await page.locator('.node.up').count()) === 3,
    );
    await untilText('tbody', /(validator-\d\s+stellar\s+Ready\s+1\/1\s+2 of 2\s+2\/2\s+yes\s*){3}/);
    assert.equal(await page.locator('.picture line.both').count(), 3);
    assert.deepEqual(await textOf('#connection'), ['Live']);
    assert.equal((await textOf('#restarts')).join(), 'No validator was restarted by stellar-peers.');
  });

  it('is the same from every replica, whichever leads', async () => {
    const other = await openPage(browser, urlOf(1));
    const parts = ['#networks', '#waiting', '#restarts'];
    const shown = async (on: Page) =>
      JSON.stringify(await Promise.all(parts.map((part) => textOf(part, on))));
    await until('both pages show the same', async () => (await shown(page)) === (await shown(other.page)));
    const serving = [...(await textOf('#serving')), ...(await textOf('#serving', other.page))];
    assert.equal(serving.filter((text) => text.endsWith('which leads')).length, 1, serving.join());
    assert.deepEqual(other.problems, []);
    await other.page.close();
  });

  it('shows the restarts after a fourth validator joins, one at a time, without a reload', async () => {
    await page.evaluate(() => Object.assign(window, { loadedOnce: true }));
    const states = await watchStates(page);
    await network.add('validator-4');
    const first = page.locator('[id="node-stellar/validator-1"].restarting');
    await until('the first is being restarted', async () => (await first.count()) === 1);
    await shoot('status-page-roll');
    await network.untilTheyKnow(FOUR);
    await until('four are Ready', async () => (await page.locator('.node.up').count()) === 4);
    await untilText('tbody', /(validator-\d\s+stellar\s+Ready\s+1\/1\s+3 of 3\s+3\/3\s+yes\s*){4}/);
    assert.equal(await page.locator('.picture line.both').count(), 6);
    const seen = (await states()).filter((text) => text.includes('restarting'));
    for (const name of THREE) assert.ok(seen.includes(`${name} restarting`), `${name}: ${seen.join(' | ')}`);
    const isMore = (text: string) => (text.match(/restarting|down/g)?.length ?? 0) > 1;
    assert.ok(!seen.some(isMore), `two at a time: ${seen.join(' | ')}`);
    await until(
      'three are in the timeline',
      async () => (await page.locator('.timeline > .done').count()) === 3,
    );
    assert.ok(await page.evaluate(() => 'loadedOnce' in window));
  });

  it('shows waiting validators and the reason, in the words of the status command', async () => {
    await scene.cluster.kubectl([...PAUSE, 'stellar.org/peer-rollout=paused']);
    await untilText('#notice', /^Restarts are paused for everything\.$/);
    await network.add('validator-5');
    await network.untilReady(['validator-5']);
    await untilText('#waiting', /validator-1 [\s\S]*validator-4 Paused/);
    await until('all validators are Ready', async () => (await page.locator(READY).count()) === 5);
    const status = (await statusOf(scene.cluster, { ...SHORT, ...ENV })).replace(/^ +>? ?/gm, '');
    const items = await textOf('#waiting li:first-child p');
    const [names = '', ...words] = items;
    assert.equal(names, `${FOUR.map((name) => `stellar/${name}`).join(' ')} Paused`);
    assert.match(status, /^4 validators {2}Paused$/m);
    assert.equal(words.length, 2);
    for (const text of words) assert.ok(status.includes(text), `${text}\n${status}`);
  });

  it('shows hostile names as text, and runs nothing of them', async () => {
    const hostile = new Network(scene, 'hostile', { spec: { customNetworkPassphrase: HOSTILE } });
    await hostile.found(['odd']);
    await network.add('b'.repeat(253));
    await untilText(
      'h3',
      /^<img src=x onerror="window\.taken=1"><script>window\.taken=2<\/script>\\u\{202e\}skrowten$/m,
    );
    await untilText('#waiting', /stellar\/b{253} NameTooLong/);
    assert.equal(await page.locator('img, script:not([src])').count(), 0);
    assert.equal(await page.evaluate(() => 'taken' in window), false);
    assert.deepEqual(problems, []);
    const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
    for (const width of [1200, 700, 360]) {
      await page.setViewportSize({ width, height: 800 });
      assert.ok(await page.evaluate(fits), `nothing sticks out at ${width}`);
    }
    await page.setViewportSize({ width: 1200, height: 860 });
    await scene.cluster.kubectl(['delete', 'namespace', 'hostile', '--wait=false']);
    await network.remove('b'.repeat(253));
    await until('one network is left', async () => (await page.locator('article').count()) === 1);
  });

  it('can be used by keyboard alone', async () => {
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.reload();
    await page.waitForSelector('.node');
    await press('Tab', 'Enter', 'Tab');
    assert.equal(await focused(), 'node-stellar/validator-1');
    await press('Tab', 'Enter');
    assert.equal(await focused(), 'row-stellar/validator-2');
    await press('Tab', 'Enter');
    assert.equal(await focused(), 'waits-Paused-stellar/validator-2');
  });

  it('keeps the focus while the page changes, and announces the change to screen readers', async () => {
    await page.locator('[id="node-stellar/validator-2"]').focus();
    await network.deletePod('validator-3');
    await untilText('#announcement', /^validator-3 in stellar: (down|Ready)/);
    assert.equal(await focused(), 'node-stellar/validator-2');
    await network.untilReady(FOUR);
    await until('all are Ready', async () => (await page.locator(READY).count()) === 5);
    assert.equal(await focused(), 'node-stellar/validator-2');
  });

  it('names everything for a screen reader', async () => {
    const tree = await page.locator('body').ariaSnapshot();
    for (const part of [
      /heading "stellar-peers" \[level=1\]/,
      /region "Networks"/,
      /group "Picture of stellar ; 2026\. [^"]+"/,
      /link "validator-1 in stellar: Ready, 1\/1 pods Ready; started knowing \d of 4 peers; [^"]+"/,
      /table "Validators of stellar ; 2026"/,
      /rowheader "validator-1 stellar"/,
      /columnheader "Connected"/,
    ])
      assert.match(tree, part);
  });

  it('follows the preference for dark or light, and has no animation', async () => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await shoot('status-page-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.notEqual(await ground(), light);
    await shoot('status-page-dark');
    const moving = () =>
      [...document.querySelectorAll('*')].filter((each) => getComputedStyle(each).animationName !== 'none')
        .length;
    assert.equal(await page.evaluate(moving), 0);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 390, height: 844 });
    await shoot('status-page-phone');
    await page.setViewportSize({ width: 1200, height: 860 });
  });

  it('says that it is stale when its replica is gone, and reconnects by itself', async () => {
    const replica = scene.replicas?.replicas[0] ?? assert.fail('no replica');
    assert.deepEqual(problems, []);
    replica.kill('SIGTERM');
    await replica.exited;
    await untilText('#connection', /^Not connected; what you see is from \d\d:\d\d:\d\d\. Trying again …$/);
    const next = await startReplica(scene.cluster, {
      name: 'stellar-peers-3',
      env: { ...SHORT, ...ENV, STATUS_PAGE_PORT: String(replica.pagePort) },
    });
    await untilText('#connection', /^Live$/);
    await untilText('#serving', /from stellar-peers-3/);
    await next.ready();
    next.kill('SIGTERM');
    await next.exited;
  });
});
