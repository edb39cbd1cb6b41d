/** What `make cluster INSTALL=yes` promises a person by saying "ready". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readyText, untilUsable } from '../../cluster/try-out.ts';

const PAGES = ['http://127.0.0.1:20001/', 'http://127.0.0.1:20002/'];

/** Asks again at once, at most so often; what the predicate throws counts as "not yet", as with `until`. */
const atMost =
  (looks: number) =>
  async <T>(describe: string, predicate: () => T | Promise<T>): Promise<NonNullable<T>> => {
    let seen: unknown;
    for (let look = 0; look < looks; look += 1) {
      try {
        const value = await predicate();
        if (value) return value;
        seen = value;
      } catch (error) {
        seen = error;
      }
    }
    throw new Error(`${describe} (last seen: ${String(seen)})`);
  };

const clean = { code: 0, stdout: '20 ok.\n' };
const red = { code: 1, stdout: '  ✗ leader  no replica holds the Lease stellar-peers\n' };

describe('a cluster with stellar-peers in it', () => {
  it('is said to be ready only after `check` has found nothing wrong', async () => {
    const answers = [red, red, clean];
    const check = async () => answers.shift() ?? clean;
    await untilUsable({ check, statusOf: async () => 200 }, PAGES, atMost(5));
    assert.equal(answers.length, 0);
  });

  it('is said to be ready only after each status page opens', async () => {
    const answers: Record<string, Array<number | Error>> = {
      [PAGES[0] ?? '']: [200],
      [PAGES[1] ?? '']: [new Error('ECONNREFUSED'), 503, 200],
    };
    const statusOf = async (page: string) => {
      const answer = answers[page]?.shift() ?? 404;
      if (answer instanceof Error) throw answer;
      return answer;
    };
    await untilUsable({ check: async () => clean, statusOf }, PAGES, atMost(5));
    assert.deepEqual(Object.values(answers), [[], []]);
  });

  it('fails with what `check` says where that stays red', async () => {
    const looks = { check: async () => red, statusOf: async () => 200 };
    await assert.rejects(untilUsable(looks, PAGES, atMost(3)), /no replica holds the Lease/);
  });

  it('fails with the address of a page that does not open', async () => {
    const looks = { check: async () => clean, statusOf: async () => 404 };
    await assert.rejects(untilUsable(looks, PAGES, atMost(3)), /http:\/\/127\.0\.0\.1:20001\/ opens/);
  });
});

describe('what is printed when the cluster is ready', () => {
  const shown = (pages: readonly string[] | undefined) => readyText({ tookMs: 12_345, logs: '/logs', pages });

  it('has the address of the status page on a line of its own, and the time that it took', () => {
    const text = shown(PAGES);
    assert.match(text, /^ready after 12\.3 s; /);
    assert.match(text, /^status page: http:\/\/127\.0\.0\.1:20001\/ .*http:\/\/127\.0\.0\.1:20002\//m);
    assert.match(text, /^ {2}stellar-peers check$/m);
  });

  it('has neither page nor check where stellar-peers is not installed', () => {
    assert.doesNotMatch(shown(undefined), /status page|stellar-peers check|is installed/);
  });

  it('ends with how to end it, which tests wait for', () => {
    for (const pages of [PAGES, undefined]) assert.match(shown(pages), /\nCtrl-C stops it all\.\n$/);
  });
});
