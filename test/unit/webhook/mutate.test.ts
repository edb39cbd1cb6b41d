/**
 * To which validator a pod belongs, and what is injected.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import { parse } from 'yaml';
import type { Fields } from '../../../peers/field.ts';
import { preflightProblem, preflightReview } from '../../../peers/injection/preflight-review.ts';
import { PendingReviews } from '../../../webhook/hold/pending-reviews.ts';
import { applied } from '../../../webhook/patch/applied.ts';
import { MERGE_DEFAULTS } from '../../../webhook/review/admit.ts';
import { answer } from '../../../webhook/review/answer.ts';
import { mutate } from '../../../webhook/review/mutate.ts';
import { readReview } from '../../../webhook/review/review.ts';
import { TriedPods } from '../../../webhook/review/tried-pods.ts';
import { pod as runningPod } from '../world.ts';
import { FakeClock } from './fake-clock.ts';
import { Village } from './village.ts';

const podOf = (name: string, options: Parameters<typeof runningPod>[1] = {}): Fields =>
  runningPod(name, { injected: false, ...options });

const reviewOf = (object: Fields, request: object = {}) =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      operation: 'CREATE',
      namespace: 'stellar',
      object,
      ...request,
    },
  });

function setUp() {
  const clock = new FakeClock();
  const village = new Village(clock);
  const holds = new PendingReviews({ memberships: village, clock });
  const tried = new TriedPods(clock);
  const admit = (object: Fields, request?: object) =>
    mutate(readReview(reviewOf(object, request)), {
      memberships: village,
      holds,
      tried,
      ownNamespace: 'stellar-peers',
      merging: MERGE_DEFAULTS,
    });
  return { clock, village, holds, tried, admit };
}

/** Three published validators that do not change. */
async function upToDate() {
  const parts = setUp();
  for (const name of ['v1', 'v2', 'v3']) parts.village.join(name);
  parts.village.publish();
  await parts.clock.pass(3_600_000);
  return parts;
}

const stampOf = (pod: Fields, operations: Parameters<typeof applied>[1]) =>
  (applied(pod, operations).metadata as { annotations?: Record<string, string> }).annotations?.[
    'stellar.org/peer-hash'
  ];

const EMPTY_HASH = 'e3b0c44298fc1c14';

test('a validator’s pod is stamped with the published view', async () => {
  const { village, admit } = await upToDate();
  const outcome = await admit(podOf('v1'));
  assert.equal(outcome.result, 'patched');
  assert.equal(stampOf(podOf('v1'), outcome.operations), village.published('stellar/v1')?.hash);
});

test('a validator of a public network leaves half of its preferred peers to others', async () => {
  const pod = parse(
    readFileSync(new URL('../../golden/admission/operator.input.yaml', import.meta.url), 'utf8'),
  );
  for (const [network, share] of [
    ['testnet', 'half'],
    ['custom', 'all'],
  ]) {
    const { village, admit } = setUp();
    village.join('validator-1', { spec: { network, customNetworkPassphrase: 'ours' } });
    const { operations } = await admit(pod, { dryRun: true });
    const { spec } = applied(pod, operations) as { spec: { initContainers: Array<{ command: string[] }> } };
    assert.equal(spec.initContainers[0]?.command.at(-1), share);
  }
});

test('the namespace may be given in the request only', async () => {
  const { admit } = await upToDate();
  const { metadata, ...rest } = podOf('v1') as { metadata: Record<string, unknown> };
  const { namespace: _, ...bare } = metadata;
  assert.equal((await admit({ metadata: bare, ...rest })).result, 'patched');
});

test('without a published view the pod is injected with the empty stamp', async () => {
  const { clock, village, admit } = setUp();
  village.hasLeader = false;
  village.join('v1');
  await clock.pass(60_000);
  const outcome = await admit(podOf('v1'));
  assert.equal(stampOf(podOf('v1'), outcome.operations), EMPTY_HASH);
});

test('a pod with copied labels, or of a StatefulSet that no StellarNode controls, is left alone', async () => {
  const { village, admit } = await upToDate();
  village.addStatefulSet('own', { spec: {}, ownerUid: 'stranger' });
  village.join('v4');
  village.addStatefulSet('v4', { ownerUid: 'another node of that name' });
  const stray = { ...podOf('v1'), metadata: { name: 'stray', labels: {} } };
  const outcome = await admit(stray);
  assert.deepEqual([outcome.result, outcome.warnings], ['skipped:UnknownOwner', []]);
  // The StellarNode of the other two may still come, so a dry run shows the decision without the StellarNode.
  for (const name of ['own', 'v4']) {
    assert.equal((await admit(podOf(name), { dryRun: true })).result, 'skipped:UnknownOwner');
  }
});

test('a StatefulSet that is not in the cache counts as that of the StellarNode of that name', async () => {
  const { clock, village, admit } = setUp();
  village.join('v1', { withoutStatefulSet: true });
  village.publish();
  const pending = admit(podOf('v1'));
  await clock.pass(5_000);
  assert.equal((await pending).result, 'patched');
  // The StatefulSet in the cache may be a former one of that name.
  village.addStatefulSet('v1', { ownerUid: 'former node' });
  const recreated = admit(podOf('v1', { ownerUid: 'newer' }));
  await clock.pass(5_000);
  assert.equal((await recreated).result, 'patched');
});

test('an annotation on the StellarNode or the pod, or a label on the Namespace, opts out without a wait', async () => {
  const { village, admit } = setUp();
  village.join('v1', { annotations: { 'stellar.org/peer-injection': 'disabled' } });
  assert.equal((await admit(podOf('v1'))).result, 'skipped:OptedOut');
  village.join('v2');
  const optedOut = podOf('v2', { annotations: { 'stellar.org/peer-injection': 'disabled' } });
  assert.equal((await admit(optedOut)).result, 'skipped:OptedOut');
  village.labelNamespace({ 'stellar.org/peer-injection': 'disabled' });
  const outcome = await admit(podOf('v2'));
  assert.deepEqual([outcome.result, outcome.warnings], ['skipped:OptedOut', []]);
});

test('an opt-out that arrives during the wait counts', async () => {
  const { clock, village, admit } = setUp();
  const pending = admit(podOf('v1'));
  await clock.pass(100);
  village.join('v1', { annotations: { 'stellar.org/peer-injection': 'disabled' } });
  await clock.pass(5_000);
  assert.equal((await pending).result, 'skipped:OptedOut');
});

test('the pod of an unreadable validator stays unchanged, with a reason', async () => {
  const { village, admit } = setUp();
  village.join('v1', { spec: { validatorConfig: { peerPort: 70_000 } } });
  const outcome = await admit(podOf('v1'));
  assert.deepEqual(
    [outcome.result, outcome.warnings.map(({ code }) => code)],
    ['skipped:InvalidPort', ['InvalidPort']],
  );
});

test('the pod of a suspended validator is injected at once', async () => {
  const { village, admit } = setUp();
  village.join('v1', { spec: { suspended: true } });
  assert.equal((await admit(podOf('v1'))).result, 'patched');
});

test('a dry run is answered at once, with the patch', async () => {
  const { village, admit } = setUp();
  village.join('v1');
  assert.equal((await admit(podOf('v1'), { dryRun: true })).result, 'patched');
});

test('other kinds and operations pass unchanged', async () => {
  const { admit } = await upToDate();
  assert.equal((await admit(podOf('v1'), { operation: 'UPDATE' })).result, 'unchanged');
  const kind = { group: 'apps', version: 'v1', kind: 'StatefulSet' };
  assert.equal((await admit(podOf('v1'), { kind })).result, 'unchanged');
});

test('the preflight of the leader is answered with the patch, without leader, caches or waiting', async () => {
  const { village, holds, tried } = setUp();
  village.hasLeader = false;
  const review = readReview(JSON.stringify(preflightReview('u7', 'stellar-peers')));
  const ours = { ownNamespace: 'stellar-peers', merging: MERGE_DEFAULTS };
  const outcome = await mutate(review, { ...ours, memberships: village, holds, tried });
  assert.equal(preflightProblem(JSON.parse(answer('u7', outcome)), 'u7'), undefined);
});

test('each pod is stamped with the view that is published when the pod is admitted, and with no older view', async () => {
  const { clock, village, admit } = await upToDate();
  const seen = new Set<string | undefined>();
  for (const name of ['v4', 'v5', 'v6']) {
    village.join(name);
    village.publish();
    await clock.pass(60_000);
    const { operations } = await admit(podOf('v1'));
    assert.equal(stampOf(podOf('v1'), operations), village.published('stellar/v1')?.hash);
    seen.add(stampOf(podOf('v1'), operations));
  }
  assert.equal(seen.size, 3);
});

test('pods of different validators get their own keys, even if nothing is published', async () => {
  const { clock, village, admit } = setUp();
  village.hasLeader = false;
  for (const name of ['v1', 'v2']) village.join(name);
  await clock.pass(60_000);
  for (const name of ['v1', 'v2', 'v1']) {
    const pod = applied(podOf(name), (await admit(podOf(name))).operations);
    assert.ok(JSON.stringify(pod).includes(`"${name}.peers.txt"`), name);
  }
});

test('a read replica of a validator stays unchanged, without a warning', async () => {
  const { admit } = await upToDate();
  const outcome = await admit(podOf('v1-read'));
  assert.deepEqual(outcome, { result: 'skipped:ReadReplica', operations: [], warnings: [] });
});

describe('a pod that a policy may refuse with the sidecar', () => {
  const resources = { requests: { cpu: '1' } };
  const pod = (name: string, ownerUid = 'sts-v1'): Fields => {
    const { metadata } = podOf('v1', { ownerUid }) as { metadata: object };
    const container = { name: 'stellar-node', image: 'stellar/stellar-core:v21', resources };
    const volumeMounts = [{ name: 'config', mountPath: '/config' }];
    const volumes = [{ name: 'config', configMap: { name: 'c' } }];
    const spec = { containers: [{ ...container, volumeMounts }], volumes };
    return { metadata: { ...metadata, name }, spec };
  };
  async function asking() {
    const { clock, admit } = await upToDate();
    const sidecarOf = async (name: string, request: object = {}) => {
      const { operations } = await admit(pod(name), { name, ...request });
      const { spec } = applied(pod(name), operations) as {
        spec: { initContainers: Array<{ name: string; resources: object }> };
      };
      return spec.initContainers.find((each) => each.name === 'stellar-peers-reload')?.resources;
    };
    return { clock, admit, sidecarOf };
  }
  const nothing = { requests: { cpu: '0' } };

  it('gets the sidecar once, and not when the pod comes again soon', async () => {
    const { clock, sidecarOf } = await asking();
    assert.equal(await sidecarOf('v1-0', { dryRun: true }), undefined, 'a dry run is not refused');
    assert.deepEqual(await sidecarOf('v1-0'), nothing);
    assert.equal(await sidecarOf('v1-0'), undefined);
    assert.deepEqual(await sidecarOf('v1-1'), nothing, 'another pod');
    await clock.pass(50_000);
    assert.equal(await sidecarOf('v1-0'), undefined);
    await clock.pass(60_000);
    assert.deepEqual(await sidecarOf('v1-0'), nothing, 'a pod that was made since, and is replaced');
  });

  it('gets the sidecar at most twice while its controller waits longer after each refusal', async () => {
    const { clock, sidecarOf } = await asking();
    const tried: number[] = [];
    for (let times = 0, waitMs = 5; times < 40; times += 1, waitMs = Math.min(2 * waitMs, 1_000_000)) {
      if (await sidecarOf('v1-0')) tried.push(times);
      await clock.pass(waitMs);
    }
    assert.equal(tried.length, 2, `tried at ${tried}`);
  });

  it('gets the sidecar once if the caches never show its StatefulSet', async () => {
    const parts = setUp();
    parts.village.join('v1', { withoutStatefulSet: true });
    parts.village.publish();
    await parts.clock.pass(3_600_000);
    const asked: unknown[] = [];
    for (const name of ['v1-0', 'v1-0', 'v1-0']) {
      const outcome = Promise.resolve(parts.admit(pod(name), { name }));
      await parts.clock.pass(5_000);
      asked.push((await outcome).isTried);
    }
    assert.deepEqual(asked, [true, undefined, undefined]);
  });

  it('gets the sidecar at most twice from a replica that sees only the last refusals', async () => {
    const { clock, sidecarOf } = await asking();
    for (const expected of [nothing, nothing, undefined, undefined]) {
      assert.deepEqual(await sidecarOf('v1-0'), expected);
      await clock.pass(1_000_000);
    }
  });

  it('gets the sidecar whatever reviews were sent under its name with another UID of the StatefulSet', async () => {
    const { admit, clock, sidecarOf } = await asking();
    const asked = [1, 2, 3].map(() => admit(pod('v1-0', 'invented'), { name: 'v1-0' }));
    await clock.pass(5_000);
    await Promise.all(asked);
    assert.deepEqual(await sidecarOf('v1-0'), nothing);
  });

  it('is remembered even if another namespace has very many pods', async () => {
    const tried = new TriedPods(new FakeClock());
    tried.add('stellar', 'v1-0');
    for (let index = 0; index < 5_000; index += 1) tried.add('crowd', `v-${index}`);
    assert.deepEqual([tried.has('stellar', 'v1-0'), tried.has('crowd', 'v-4999')], [true, true]);
    tried.add('crowd', 'x'.repeat(1_000_000));
    assert.equal(tried.has('crowd', 'x'.repeat(1_000_000)), false, 'no such pod can start');
    assert.equal(tried.has('crowd', 'v-0'), false, 'of too many, the oldest is forgotten');
  });
});
