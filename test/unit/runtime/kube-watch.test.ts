/**
 * A watch over real connections, against servers that do as they like.
 */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { it, type TestContext } from 'node:test';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { WatchEvent } from '../../../runtime/kube.ts';
import { createKube } from '../../../runtime/kube-client.ts';
import { Pods } from '../../../runtime/resources.ts';
import { listening } from './listening.ts';

const TIMEOUT_MS = 300;

async function setUp(t: TestContext, answer: RequestListener) {
  const server = createServer(answer);
  const port = await listening(t, server);
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'test' },
  );
  let successes = 0;
  const onSuccess = () => {
    successes += 1;
  };
  const kube = createKube(config, { timeoutMs: TIMEOUT_MS, userAgent: 'test', onSuccess });
  const opened: string[] = [];
  const events: WatchEvent[] = [];
  const stop = new AbortController();
  t.after(() => stop.abort());
  const query = { resourceVersion: '1', onOpened: () => opened.push('opened') };
  const watch = (patienceMs = 0) =>
    kube.watch(Pods, { ...query, patienceMs }, (event) => events.push(event), stop.signal);
  return { kube, watch, opened, events, stop, successes: () => successes };
}

it('a watch that the server neither grants nor refuses fails within the request timeout', async (t) => {
  const { watch, opened, successes } = await setUp(t, () => undefined);
  const startedAtMs = performance.now();
  await assert.rejects(watch(), { name: 'KubeError', status: 0 });
  assert.ok(performance.now() - startedAtMs < 20 * TIMEOUT_MS);
  assert.deepEqual([opened, successes()], [[], 0]);
});

it('a watch that is refused was never open', async (t) => {
  const { watch, opened, successes } = await setUp(t, (_, response) => response.writeHead(403).end());
  await assert.rejects(watch(), { status: 403 });
  assert.deepEqual([opened, successes()], [[], 0]);
});

it('a watch that was granted may be silent for longer than a request may take', async (t) => {
  const metadata = { name: 'a', resourceVersion: '2' };
  const { watch, opened, events, stop, successes } = await setUp(t, async (_, response) => {
    response.writeHead(200).flushHeaders();
    await delay(3 * TIMEOUT_MS);
    response.write(`${JSON.stringify({ type: 'ADDED', object: { metadata } })}\n`);
  });
  const watching = watch();
  while (events.length === 0) await delay(10);
  assert.deepEqual([opened, successes()], [['opened'], 1]);
  assert.deepEqual(events, [{ type: 'ADDED', object: { metadata } }]);
  stop.abort();
  await watching;
});

it('a watch whose grant is held back until there is something to tell is awaited with more patience', async (t) => {
  const metadata = { name: 'a', resourceVersion: '2' };
  const { watch, opened, stop } = await setUp(t, async (_, response) => {
    await delay(3 * TIMEOUT_MS);
    response.writeHead(200).write(`${JSON.stringify({ type: 'ADDED', object: { metadata } })}\n`);
  });
  await assert.rejects(watch(), { status: 0 });
  const watching = watch(20 * TIMEOUT_MS);
  while (opened.length === 0) await delay(10);
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

it('events are whole however the stream is cut, and what has no end is none', async (t) => {
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

it('a line that is no event ends the watch: what it should have said would be missed for ever', async (t) => {
  for (const line of ['<html>', '3', 'null']) {
    const { watch, events } = await setUp(
      t,
      (_, response) => void response.writeHead(200).write(`${line}\n`),
    );
    await assert.rejects(watch(), { name: 'KubeError', status: 0 });
    assert.deepEqual(events, []);
  }
});

it('a stream that breaks in the middle is an error, one that the server ends is none', async (t) => {
  const broken = await setUp(t, (_, response) => {
    response.writeHead(200).write('{"type"');
    setImmediate(() => response.destroy());
  });
  await assert.rejects(broken.watch(), { name: 'KubeError', status: 0 });
  const ended = await setUp(t, (_, response) => void response.writeHead(200).end());
  await ended.watch();
});

it('what a reader throws ends the watch, and comes to whoever watches', async (t) => {
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

it('a stream that says nothing new is read more seldom, and nothing of it is lost or late for good', async (t) => {
  const names = Array.from({ length: 60 }, (_, index) => String(index));
  const { kube } = await setUp(t, async (_, response) => {
    response.writeHead(200);
    for (const name of names) {
      response.write(`${JSON.stringify({ type: 'MODIFIED', object: { metadata: { name } } })}\n`);
      await delay(2);
    }
    response.end();
  });
  const seen: string[] = [];
  const note = ({ object }: WatchEvent) => {
    seen.push(object.metadata.name);
    return seen.length % 7 === 0;
  };
  await kube.watch(Pods, { resourceVersion: '1' }, note, new AbortController().signal);
  assert.deepEqual(seen, names);
});

it('a stream that is not read just now ends with the signal all the same', async (t) => {
  const { kube } = await setUp(t, (_, response) => {
    response.writeHead(200).write('{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}\n');
  });
  const stop = new AbortController();
  const note = () => {
    setTimeout(() => stop.abort(), 5);
    return false;
  };
  await kube.watch(Pods, { resourceVersion: '1' }, note, stop.signal);
});
