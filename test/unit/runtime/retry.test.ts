/**
 * The waits after failures: long enough to spare the API server, over as soon as it answers.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Retry } from '../../../runtime/kube/retry.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { failure } from '../stand-ins/memory-kube.ts';

const NO_ROUTE = failure(0, '', 'no route');

function setUp() {
  const clock = new ManualClock();
  const log = new CapturedLog();
  const outage = new Notifier();
  const retry = new Retry({ clock, log, outage, fields: { kind: 'Pod' } });
  const never = new AbortController().signal;
  /** How long the wait after this failure is, ms; `during` happens in the middle of it. */
  const waitOf = async (error: unknown = NO_ROUTE, during: () => void = () => undefined): Promise<number> => {
    const startedAtMs = clock.monotonicMs();
    let over = false;
    void retry.afterFailure(error, never).then(() => {
      over = true;
    });
    clock.advance(100);
    during();
    await clock.passUntil(() => over, 50);
    return clock.monotonicMs() - startedAtMs;
  };
  return { clock, log, outage, retry, waitOf };
}

/** Fails until waits have reached their limit. */
async function untilSlow({ waitOf }: ReturnType<typeof setUp>): Promise<void> {
  for (let count = 0; count < 6; count += 1) await waitOf();
}

describe('a wait after a failure', () => {
  it('doubles up to five seconds', async () => {
    const { waitOf } = setUp();
    const waits: number[] = [];
    for (let count = 0; count < 7; count += 1) waits.push(await waitOf());
    assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it('is as long as the answer asks for, up to half a minute', async () => {
    const { waitOf } = setUp();
    assert.equal(await waitOf(failure(429, '', 'slow down', 7)), 7_000);
    assert.equal(await waitOf(failure(429, '', 'slow down', 3_600)), 30_000);
  });

  it('ends soon after the request of another caller succeeded, and the next wait is short again', async () => {
    const stage = setUp();
    await untilSlow(stage);
    const waitMs = await stage.waitOf(NO_ROUTE, () => stage.outage.notify());
    assert.equal(waitMs, 500, 'the 100 ms before, and 400 to come in turn');
    assert.equal(await stage.waitOf(), 250);
  });

  it('ends early only once in ten seconds if the own request fails while others succeed', async () => {
    const stage = setUp();
    await untilSlow(stage);
    let waits = 0;
    const endMs = stage.clock.monotonicMs() + 600_000;
    while (stage.clock.monotonicMs() < endMs) {
      await stage.waitOf(failure(403, '', 'not you'), () => stage.outage.notify());
      waits += 1;
    }
    assert.ok(waits < (600 / 10) * 7, `${waits} tries in ten minutes`);
  });

  it('ends when its signal is aborted', async () => {
    const { clock, retry } = setUp();
    const stop = new AbortController();
    const waiting = retry.afterFailure(NO_ROUTE, stop.signal);
    stop.abort();
    await turn();
    await waiting;
    assert.equal(clock.monotonicMs(), 0);
  });
});

describe('the log of failures', () => {
  const said = ({ log }: ReturnType<typeof setUp>) =>
    log.lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level} ${message}`);

  it('is one warning, another warning each minute, and a line when the failures are over', async () => {
    const stage = setUp();
    const endMs = stage.clock.monotonicMs() + 150_000;
    while (stage.clock.monotonicMs() < endMs) await stage.waitOf();
    assert.deepEqual(said(stage), Array(3).fill('warn watch failed'));
    stage.retry.succeeded();
    stage.retry.succeeded();
    assert.deepEqual(said(stage).slice(3), ['info watch re-established']);
    assert.ok(Number(stage.log.lines.at(-1)?.fields.failedForMs) >= 150_000);
  });
});
