/**
 * A watch over real connections, against servers that behave badly.
 */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { createKube } from '../../../runtime/kube/client.ts';
import type { WatchEvent } from '../../../runtime/kube/port.ts';
import { Pods } from '../../../runtime/kube/resources.ts';
import { eventually } from '../stand-ins/eventually.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { listening } from './listening.ts';

const TIMEOUT_MS = 5_000;
const SILENCE_MS = 90_000;
const LULL_MS = 100;
const ADDED = { type: 'ADDED', object: { metadata: { name: 'a', resourceVersion: '2' } } };

/** For the client, only that time passes which the test lets pass. `asked` are the answers, in the order of the requests. */
async function setUp(t: TestContext, answer: RequestListener = () => undefined) {
  const asked: ServerResponse[] = [];
  const server = createServer((request, response) => {
    asked.push(response);
    answer(request, response);
  });
  const port = await listening(t, server);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'test' },
  );
  let successes = 0;
  const outage = {
    notify: () => {
      successes += 1;
    },
  };
  const clock = new ManualClock();
  const kube = createKube(config, { clock, timeoutMs: TIMEOUT_MS, userAgent: 'test', outage });
  const opened: string[] = [];
  const events: WatchEvent[] = [];
  const stop = new AbortController();
  t.after(() => stop.abort());
  const query = { resourceVersion: '1', onOpened: () => opened.push('opened') };
  const watch = (patienceMs = 0) =>
    kube.watch(Pods, { ...query, patienceMs }, (event) => events.push(event), stop.signal);
  /** The response to request `number`, counted from 1. */
  const answerTo = async (number: number): Promise<ServerResponse> => {
    await eventually('it is asked', () => asked.length >= number);
    return asked[number - 1] ?? assert.fail();
  };
  return { kube, clock, watch, opened, events, stop, answerTo, successes: () => successes };
}

it('a watch that the server neither grants nor refuses fails within the request timeout', async (t) => {
  const { clock, watch, opened, answerTo, successes } = await setUp(t);
  const failing = assert.rejects(watch(), { name: 'KubeError', status: 0 });
  await answerTo(1);
  clock.advance(TIMEOUT_MS);
  await failing;
  assert.deepEqual([opened, successes()], [[], 0]);
});

it('a watch that the server refuses is never reported as open', async (t) => {
  const { watch, opened, successes } = await setUp(t, (_, response) => response.writeHead(403).end());
  await assert.rejects(watch(), { status: 403 });
  assert.deepEqual([opened, successes()], [[], 0]);
});

it('a granted watch may be silent for longer than the request timeout, but not for ever', async (t) => {
  const { clock, watch, opened, events, answerTo, successes } = await setUp(t);
  const failing = assert.rejects(watch(), { name: 'KubeError', status: 0 });
  const response = await answerTo(1);
  response.writeHead(200).flushHeaders();
  await eventually('it is open', () => opened.length === 1);
  for (const count of [1, 2]) {
    clock.advance(SILENCE_MS - 1);
    response.write(`${JSON.stringify(ADDED)}\n`);
    await eventually('something comes', () => events.length === count);
  }
  assert.deepEqual([opened, successes(), events], [['opened'], 1, [ADDED, ADDED]]);
  clock.advance(SILENCE_MS);
  await failing;
});

it('a watch that the server grants only with its first event is given more time', async (t) => {
  const { clock, watch, opened, stop, answerTo } = await setUp(t);
  const failing = assert.rejects(watch(), { status: 0 });
  await answerTo(1);
  clock.advance(3 * TIMEOUT_MS);
  await failing;
  const watching = watch(20 * TIMEOUT_MS);
  const response = await answerTo(2);
  clock.advance(3 * TIMEOUT_MS);
  response.writeHead(200).write(`${JSON.stringify(ADDED)}\n`);
  await eventually('it is open', () => opened.length === 1);
  stop.abort();
  await watching;
});

/** Writes `bytes` in pieces of that size, each on its own. */
async function inPieces(response: ServerResponse, bytes: Buffer, size: number): Promise<void> {
  response.writeHead(200);
  response.socket?.setNoDelay(true);
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size));
    await turn();
  }
  response.end();
}

it('events are whole however the stream is cut, and an event without its end is dropped', async (t) => {
  const named = (name: string) => ({ metadata: { name, resourceVersion: name } });
  const sent = ['é', '😀', 'a'.repeat(40), '\n'].map((name) => ({ type: 'ADDED', object: named(name) }));
  const lines = sent.map((event) => `${JSON.stringify(event)}\n`).join('');
  const bytes = Buffer.from(`${lines}{"type":"ADDED","object":{"meta`);
  for (const size of [1, 2, 3, 7, 64, 10_000]) {
    const { watch, events } = await setUp(t, (_, response) => void inPieces(response, bytes, size));
    await watch();
    assert.deepEqual(events, sent);
  }
});

it('a line that is no event ends the watch, because the change behind that line would be missed for ever', async (t) => {
  for (const line of ['<html>', '3', 'null']) {
    const { watch, events } = await setUp(
      t,
      (_, response) => void response.writeHead(200).write(`${line}\n`),
    );
    await assert.rejects(watch(), { name: 'KubeError', status: 0 });
    assert.deepEqual(events, []);
  }
});

it('a line that never ends makes the watch fail, and closes its connection', async (t) => {
  let far: ServerResponse | undefined;
  const { watch, events } = await setUp(t, (_, response) => {
    far = response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(1_000_000)));
    };
    response.on('drain', more);
    more();
  });
  await assert.rejects(watch(), /a line without end/);
  await eventually('it is closed', () => far?.destroyed === true);
  assert.deepEqual(events, []);
});

it('a stream that breaks is an error, and a stream that the server ends is none', async (t) => {
  const broken = await setUp(t, (_, response) => {
    response.writeHead(200).write('{"type"');
    setImmediate(() => response.destroy());
  });
  await assert.rejects(broken.watch(), { name: 'KubeError', status: 0 });
  const ended = await setUp(t, (_, response) => void response.writeHead(200).end());
  await ended.watch();
});

it('an error that the reader throws ends the watch, and reaches its caller', async (t) => {
  const { kube } = await setUp(t, (_, response) => {
    response.writeHead(200).write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
  });
  const read = () => {
    throw new RangeError('too much');
  };
  await assert.rejects(
    kube.watch(Pods, { resourceVersion: '1' }, read, new AbortController().signal),
    RangeError,
  );
});

it('a stream without news is read more seldom, and no event of the stream is lost or delayed for good', async (t) => {
  const names = Array.from({ length: 60 }, (_, index) => String(index));
  let isWritten = false;
  const { clock, kube } = await setUp(t, async (_, response) => {
    response.writeHead(200);
    for (const name of names) {
      response.write(`${JSON.stringify({ type: 'MODIFIED', object: { metadata: { name } } })}\n`);
      await turn();
    }
    response.end();
    isWritten = true;
  });
  const seen: string[] = [];
  const note = ({ object }: WatchEvent) => {
    seen.push(object.metadata.name);
    return seen.length % 7 === 0;
  };
  let isOver = false;
  const watching = kube.watch(Pods, { resourceVersion: '1' }, note, new AbortController().signal).then(() => {
    isOver = true;
  });
  await eventually('some is read', () => isWritten && seen.length > 0);
  assert.ok(seen.length < names.length, 'read on without a pause');
  await clock.passUntil(() => isOver, LULL_MS);
  await watching;
  assert.deepEqual(seen, names);
});

it('large objects without news do not delay the events behind them', async (t) => {
  const padding = 'x'.repeat(400_000);
  const { kube } = await setUp(t, async (_, response) => {
    response.writeHead(200);
    for (let index = 0; index < 20; index += 1) {
      response.write(
        `${JSON.stringify({ type: 'MODIFIED', object: { metadata: { name: 'large' }, padding } })}\n`,
      );
      await turn();
    }
    response.end(`${JSON.stringify(ADDED)}\n`);
  });
  const seen: string[] = [];
  const note = ({ object }: WatchEvent) => {
    seen.push(object.metadata.name);
    return object.metadata.name === 'a';
  };
  // No time passes, so there is no pause.
  await kube.watch(Pods, { resourceVersion: '1' }, note, new AbortController().signal);
  assert.equal(seen.length, 21);
});

it('a stream whose reading is paused still ends when its signal is aborted', async (t) => {
  const { kube } = await setUp(t, (_, response) => {
    response.writeHead(200).write('{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}\n');
  });
  const stop = new AbortController();
  const note = () => {
    void turn()
      .then(() => turn())
      .then(() => stop.abort());
    return false;
  };
  await kube.watch(Pods, { resourceVersion: '1' }, note, stop.signal);
});
