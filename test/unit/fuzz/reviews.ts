/**
 * Reviews of any content, and what must hold of every answer. Owns both, for the test and for `make fuzz`.
 */
import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { type Fields, fieldsOf } from '../../../peers/field.ts';
import type { PatchOperation } from '../../../runtime/kube/port.ts';
import { applied } from '../../../webhook/patch/applied.ts';
import { ODD_PODS } from '../../e2e/odd-pods.ts';
import { goldenPods, reviewOf, type Served, serve } from '../webhook/served.ts';
import { assertUntouched } from '../webhook/untouched.ts';
import { oddOf, oddText } from './odd.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are read here as a person would read them.
type Raw = any;

/**
 * A body, and how it is printed when it is a counterexample. It holds the bytes alone: half a surrogate pair has none, so
 * that a text may differ from what is sent of it.
 */
export class Sent {
  readonly bytes: Buffer;

  constructor(body: string | Uint8Array) {
    this.bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body);
  }

  get text(): string {
    return this.bytes.toString('utf8');
  }

  [fc.toStringMethod](): string {
    const { text } = this;
    return text.length > 20_000 ? `${text.slice(0, 20_000)}… (${text.length})` : text;
  }
}

/** What people and other webhooks do to pods where it may matter to us. */
const CHANGES: ReadonlyArray<(pod: Raw) => void> = [
  // Those that fill the annotations are large, and have tests of their own.
  ...ODD_PODS.filter(({ title }) => !/room for|as many/.test(title)).map(({ change }) => change),
  ({ spec }) => spec.volumes.push({ name: 'stellar-peers-config', emptyDir: {} }),
  ({ spec }) => spec.containers.push({ name: 'stellar-peers-config', image: 'x' }),
  ({ spec }) => spec.containers.push(structuredClone(spec.containers[0])),
  ({ spec }) => spec.volumes.push(...structuredClone(spec.volumes)),
  ({ spec }) => spec.containers[0].volumeMounts.push(...structuredClone(spec.containers[0].volumeMounts)),
  ({ spec }) => spec.containers[0].volumeMounts.push({ name: 'x', mountPath: '/etc/stellar/peers-original' }),
  ({ spec }) => spec.containers[0].volumeMounts.push({ name: 'x', mountPath: '/config/inner' }),
  ({ spec }) => spec.containers[0].volumeMounts.push({ name: 'stellar-peers-config', mountPath: '/x' }),
  ({ spec }) => spec.containers[0].volumeMounts.unshift(null),
  ({ spec }) => spec.containers.push('odd'),
  ({ spec }) => {
    spec.initContainers = { length: 1 };
  },
  ({ metadata }) => {
    metadata.annotations = ['stellar.org/peers'];
  },
];

/** Some of these changes. */
export const oddChanges: fc.Arbitrary<ReadonlyArray<(pod: Raw) => void>> = fc.subarray([...CHANGES], {
  maxLength: 3,
});

/** A copy of the pod with the changes; one that finds nothing to change changes nothing. */
export function changedIn(pod: object, changes: ReadonlyArray<(pod: Raw) => void>): Fields {
  const raw = structuredClone(pod);
  for (const change of changes) {
    try {
      change(raw);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return raw as Fields;
}

const changedPod: fc.Arbitrary<Fields> = fc
  .tuple(fc.constantFrom(...goldenPods.values()), oddChanges)
  .map(([pod, changes]) => changedIn(pod, changes));

/** An odd pod. Most keep their owner: of a pod without an owner there is little to decide. */
export const oddPod: fc.Arbitrary<Fields> = fc
  .tuple(
    changedPod.chain((pod) =>
      fc
        .oneof(
          { arbitrary: oddOf([pod], { shallow: true }).map(({ value }) => value), weight: 3 },
          { arbitrary: fc.constant(pod as Fields), weight: 1 },
        )
        .map((value) => ({ pod: pod as Fields, value })),
    ),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([{ pod, value }, chance]) => {
    if (chance === 0) return value;
    const { ownerReferences } = fieldsOf(pod.metadata);
    return { ...value, metadata: { ...fieldsOf(value.metadata), ownerReferences } };
  });

const json = (value: unknown): Sent => new Sent(JSON.stringify(value));

const soundReview = oddPod.map((pod) => json(reviewOf(pod)));
const oddReview = changedPod.chain((pod) =>
  oddOf([reviewOf(pod)], { shallow: true }).map(({ value }) => json(value)),
);

/** The text of a review with a piece of it cut out, doubled or replaced. */
const brokenText = fc
  .tuple(changedPod, fc.nat(), fc.nat({ max: 40 }), oddText)
  .map(([pod, place, length, text]) => {
    const whole = JSON.stringify(reviewOf(pod));
    const from = place % whole.length;
    return new Sent(whole.slice(0, from) + text + whole.slice(from + length));
  });
const brokenBytes = fc
  .tuple(changedPod, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }))
  .map(([pod, place, bytes]) => {
    const whole = Buffer.from(JSON.stringify(reviewOf(pod)));
    whole.set(bytes, place % (whole.length - bytes.length));
    return new Sent(whole);
  });
const rawBody = fc.oneof(
  oddText.map((text) => new Sent(text)),
  fc.json().map((text) => new Sent(text)),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => new Sent(bytes)),
);

const sent: fc.Arbitrary<Sent> = fc.oneof(
  { arbitrary: soundReview, weight: 10 },
  { arbitrary: oddReview, weight: 4 },
  { arbitrary: brokenText, weight: 3 },
  { arbitrary: brokenBytes, weight: 2 },
  { arbitrary: rawBody, weight: 1 },
);

const CONFIGS = [undefined, '/config/stellar-core.cfg', '/opt/stellar/data/core.cfg', 'off', '../odd'];

/** Webhooks of networks at rest, one for each way in which validators ask for a merged configuration. */
export async function serveAll(): Promise<Served[]> {
  const all = await Promise.all(CONFIGS.map((config) => serve(config === undefined ? {} : { config })));
  // Without a leader no pod is held: the clock does not move here.
  for (const { memberships } of all) memberships.hasLeader = false;
  return all;
}

/** How often each kind of answer was given: a fuzzer that is never injected finds nothing. */
export type Tally = Map<string, number>;

/** Which webhook, by its place in the list, and what is sent to it. */
type Sending = readonly [place: number, body: Sent];

/** Something for one of the webhooks. */
export const sendings = (webhooks: readonly Served[]): fc.Arbitrary<Sending> =>
  fc.tuple(fc.constantFrom(...webhooks.keys()), sent);

/** Sends a body to its webhook; throws where the answer breaks a promise. */
export async function assertAnswered(
  webhooks: readonly Served[],
  [place, body]: Sending,
  tally: Tally = new Map(),
): Promise<void> {
  const served = webhooks[place];
  assert.ok(served);
  const answer = await served.post(body.bytes);
  const kind = answer.status === 200 ? (served.results.at(-1) ?? '') : String(answer.status);
  tally.set(kind, (tally.get(kind) ?? 0) + 1);
  served.results.length = 0;
  served.lines.length = 0;
  if (answer.status === 200) await assertGood(served, JSON.parse(body.text), JSON.parse(answer.text));
  else assertRefused(answer);
  await assertLives(served);
}

function assertRefused({ status, text }: { status: number; text: string }): void {
  assert.ok(status >= 400 && status < 500, `answered by ${status} ${text}`);
  assert.match(JSON.parse(text).error, /^[A-Z][^\n]*\.$/);
}

async function assertGood(
  served: Served,
  { request }: Raw,
  { apiVersion, kind, response }: Raw,
): Promise<void> {
  assert.deepEqual([apiVersion, kind], ['admission.k8s.io/v1', 'AdmissionReview']);
  assert.deepEqual([response.uid, response.allowed], [request.uid, true]);
  for (const warning of response.warnings ?? []) assert.match(warning, /^stellar-peers: [ -~]{1,105}$/);
  if (response.patch === undefined) return;
  assert.equal(response.patchType, 'JSONPatch');
  const before = request.object as Fields;
  const after = applied(before, operationsIn(response));
  assertUntouched(before, after);
  assertNothingTwice(before, after);
  const again = await served.post(reviewOf(after, { ...request, object: after }));
  const second = JSON.parse(again.text).response;
  assert.deepEqual(second.patch && operationsIn(second), undefined, 'a second review has nothing to add');
}

const operationsIn = ({ patch }: Raw): PatchOperation[] =>
  JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));

/** What is there twice must have been there twice before. */
function assertNothingTwice(before: Raw, after: Raw): void {
  const former = new Set(repeatedIn(before));
  assert.deepEqual(
    repeatedIn(after).filter((what) => !former.has(what)),
    [],
  );
}

function repeatedIn({ spec }: Raw): string[] {
  const listed = (list: Raw): Raw[] => (Array.isArray(list) ? list : []);
  const containers = [...listed(spec.containers), ...listed(spec.initContainers)];
  const lists = [
    ['volume', listed(spec.volumes).map((each) => each?.name)],
    ['container', containers.map((each) => each?.name)],
    ...containers.flatMap((each) => [
      [
        `mount in ${inspect(each?.name)}`,
        listed(each?.volumeMounts).map((mount) => mount?.mountPath),
      ] as const,
      [`variable in ${inspect(each?.name)}`, listed(each?.env).map((variable) => variable?.name)] as const,
    ]),
  ] as ReadonlyArray<readonly [string, unknown[]]>;
  return lists.flatMap(([what, names]) => {
    const seen = new Set<string>();
    return names.flatMap((name) => {
      const shown = `${what}: ${inspect(name)}`;
      if (seen.has(shown)) return [shown];
      seen.add(shown);
      return [];
    });
  });
}

const GOOD = reviewOf(goldenPods.get('operator'));
const goods = new WeakMap<Served, string>();

/** A good review is answered as ever, whatever came before it. */
async function assertLives(served: Served): Promise<void> {
  const { status, text } = await served.post(GOOD);
  assert.equal(status, 200);
  const { response } = JSON.parse(text);
  assert.ok(operationsIn(response).length > 0);
  assert.ok(isDeepStrictEqual(text, goods.get(served) ?? text), 'a good review is answered as ever');
  goods.set(served, text);
}
