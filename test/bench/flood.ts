/**
 * Measures a replica under attack: 512 connections from one address send endless requests to one of its ports, and
 * reconnect when they are cut off. Some attacks read the answers, some do not. Prints the memory of the replica, the load
 * of the machine, and the times of probes, scrapes and reviews from another address, before and during the attack.
 * `node test/bench/flood.ts [seconds] [port] [what]`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { request } from 'node:https';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { operatorPod, PATH, reviewOf } from '../unit/webhook/served.ts';

const SECONDS = Number(process.argv[2] ?? 60);
/** Node's flags in the image, and the heap limit that Node derives from the Deployment's 256 MiB. */
const FLAGS = ['--max-semi-space-size=4', '--max-old-space-size=128'];
const BEFORE_SECONDS = 5;
const PROBE_EVERY_MS = 50;

type Ports = Record<'plain' | 'page' | 'webhook', number>;

const review = JSON.stringify(reviewOf(operatorPod()));
const line = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
const reviewLine = `POST ${PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(review)}\r\n\r\n${review}`;

interface Attack {
  readonly port: keyof Ports;
  readonly what: string;
  /** One request. */
  readonly text: string;
  readonly reads: boolean;
  /** Requests in one write; undefined for as many as the replica reads at once. */
  readonly inOne?: number;
  /** True to send the next write after the answer to the last one. */
  readonly waits?: boolean;
}

const ATTACKS: readonly Attack[] = [
  { port: 'plain', what: 'GET /metrics, unread', text: line('/metrics'), reads: false },
  { port: 'plain', what: 'GET /metrics, read', text: line('/metrics'), reads: true },
  { port: 'plain', what: 'GET /metrics by eights, unread', text: line('/metrics'), reads: false, inOne: 8 },
  { port: 'page', what: 'GET /, unread', text: line('/'), reads: false },
  { port: 'page', what: 'GET /events, read', text: line('/events'), reads: true },
  { port: 'webhook', what: 'reviews, unread', text: reviewLine, reads: false },
  { port: 'webhook', what: 'reviews by fours, read', text: reviewLine, reads: true, inOne: 4 },
  {
    port: 'webhook',
    what: 'reviews, each when the last is answered',
    text: reviewLine,
    reads: true,
    inOne: 1,
    waits: true,
  },
  { port: 'webhook', what: 'reviews one by one, read', text: reviewLine, reads: true, inOne: 1 },
  { port: 'webhook', what: 'GET /, read', text: line('/'), reads: true },
];

/** The time until the whole answer has arrived, in ms; Infinity if it does not arrive. */
const timed = async (ask: () => ReturnType<typeof get>): Promise<number> => {
  const startMs = performance.now();
  const outgoing = ask();
  try {
    const [incoming] = await once(outgoing, 'response', { signal: AbortSignal.timeout(10_000) });
    await once(incoming.resume(), 'end', { signal: AbortSignal.timeout(10_000) });
    return performance.now() - startMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};

const rssMib = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
const quantile = (values: readonly number[], part: number): string =>
  (values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN).toFixed(0);

async function attack(each: Attack): Promise<void> {
  const child = fork(new URL('flooded.ts', import.meta.url), { execArgv: FLAGS });
  const [ports] = (await once(child, 'message')) as [Ports];
  const plain = (path: string) => () =>
    get({ host: '127.0.0.1', port: ports.plain, path, agent: false }).on('error', () => undefined);
  const admission = () => {
    const options = {
      host: '127.0.0.1',
      port: ports.webhook,
      path: PATH,
      method: 'POST',
      rejectUnauthorized: false,
    };
    const outgoing = request({ ...options, headers: { 'content-type': 'application/json' }, agent: false });
    outgoing.on('error', () => undefined).end(review);
    return outgoing;
  };
  const before = await observe(child.pid ?? 0, { plain, admission }, BEFORE_SECONDS);
  console.log(`${each.port}, before: ${before}`);
  const attacker = fork(new URL('flooder.ts', import.meta.url));
  attacker.send({
    port: ports[each.port],
    isTls: each.port === 'webhook',
    text: each.text,
    reads: each.reads,
    inOne: each.inOne,
    waits: each.waits,
  });
  console.log(`${each.port}, ${each.what}: ${await observe(child.pid ?? 0, { plain, admission }, SECONDS)}`);
  attacker.kill();
  child.kill();
}

type Ask = () => ReturnType<typeof get>;

/** Measures probes, scrapes, reviews and the memory of the process for `seconds`. Returns a line of text. */
async function observe(
  pid: number,
  { plain, admission }: { readonly plain: (path: string) => Ask; readonly admission: Ask },
  seconds: number,
): Promise<string> {
  const times = { probe: [] as number[], scrape: [] as number[], review: [] as number[] };
  let mostMib = 0;
  for (
    const endMs = performance.now() + seconds * 1000;
    performance.now() < endMs;
    await sleep(PROBE_EVERY_MS)
  ) {
    times.probe.push(await timed(plain('/healthz')));
    times.review.push(await timed(admission));
    if (times.review.length % 20 === 1) times.scrape.push(await timed(plain('/metrics')));
    mostMib = Math.max(mostMib, rssMib(pid));
  }
  const summaries = Object.entries(times).map(
    ([name, values]) =>
      `${name} p50 ${quantile(values, 0.5)} p99 ${quantile(values, 0.99)} ms of ${values.length}, unanswered ${values.filter((value) => value === Number.POSITIVE_INFINITY).length}`,
  );
  return `RSS ${mostMib} MiB; ${summaries.join('; ')}; load ${loadavg()[0]?.toFixed(1)}`;
}

const [, , , port = '', what = ''] = process.argv;
for (const each of ATTACKS) if (each.port.includes(port) && each.what.includes(what)) await attack(each);
process.exit(0);
