/** Whatever one tenant writes takes the leader little time, because the leader works for all tenants. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readQuorumSet } from '../../../peers/core/quorum-set.ts';
import { type Cluster, discover } from '../../../peers/discovery/discover.ts';
import { parseDigests } from '../../../peers/hash.ts';
import { readNode } from '../../../peers/read/stellar-node.ts';
import { atOnce } from '../../../peers/steps.ts';
import { QuorumMargins } from '../../../reconciler/plan/quorum/quorum-margin.ts';
import { quorumSteps } from '../../../reconciler/plan/quorum/quorum-units.ts';
import { quorumVerdict } from '../../../reconciler/plan/quorum/quorum-verdict.ts';
import { liveDigests } from '../../../reconciler/plan/restarts/liveness.ts';
import { planRollout, type RolloutSettings } from '../../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS } from '../../../reconciler/plan/restarts/setbacks.ts';
import { parseWindows } from '../../../reconciler/plan/restarts/windows.ts';
import { validatorGaugeSteps } from '../../../reconciler/report/validator-gauges.ts';
import { DISCOVERY, NOW_MS, networkParts, SETTINGS, stamp } from '../reconciler/group.ts';
import { processorTimeOf } from '../stand-ins/processor-time.ts';
import { node, type Parts, pod, statefulSet, worldWith } from '../world.ts';
import { afterPublishing, MALLORY, VICTIMS, withVictims } from './stage.ts';

/** The limit of processor time. Before there were limits, each of these took many times as long. */
const SLOW_MS = 1_000;

async function quickly<T>(work: () => T): Promise<T> {
  const { value, processorMs } = await processorTimeOf(work);
  assert.ok(processorMs < SLOW_MS, `it took ${processorMs} ms`);
  return value;
}

const OWN = 'stellar-peers';
const OF_MALLORY = { namespace: MALLORY };
const many = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index));

function planOf(parts: Parts, settings: Partial<RolloutSettings> = {}) {
  const world = worldWith(parts);
  const discovery = discover(world, DISCOVERY);
  const live = liveDigests(world, discovery);
  return planRollout({
    world,
    discovery,
    settings: { ...SETTINGS, ...settings },
    nowMs: NOW_MS,
    setbacks: NO_SETBACKS,
    quiet: () => ({ quietMs: Number.POSITIVE_INFINITY, changingMs: 0 }),
    readyForMs: () => Number.POSITIVE_INFINITY,
    downForMs: () => Number.POSITIVE_INFINITY,
    liveness: { isLive: (digest) => live.has(digest), wasLive: () => true },
    listedSinceMs: () => Number.POSITIVE_INFINITY,
  });
}

describe('the leader is not kept busy', () => {
  it('by eight quorum sets with a very long key', async () => {
    const lines = many(4_000, (index) => `k${index}=1\n`).join('');
    // The key in the text has an escape, so a search for the key finds no line.
    const long = `${lines}[QUORUM_SET]\n"\\u0061${'.a'.repeat(16_000)}"=1\n`;
    const inLong = `[x${'a'.repeat(30_000)}]\n${lines}[QUORUM_SET]\n"\\u0061"=1\n`;
    for (const [text, line] of [
      [long, 4001],
      [inLong, 4002],
    ] as const) {
      const [first] = await quickly(() => many(8, () => readQuorumSet(text)));
      assert.ok(first && 'problem' in first);
      assert.match(first.problem, new RegExp(`^line ${line}: .* is an empty set`));
    }
  });

  it('by 9,000 annotations of one object whose keys look like ours', async () => {
    const keys = many(9_000, (index) => `stellar.org/xxxx-${index.toString().padStart(6, 'l')}`);
    const raw = node('m', { annotations: Object.fromEntries(keys.map((key) => [key, ''])) });
    const [first] = await quickly(() => many(20, () => readNode(raw)));
    assert.equal(first?.kind, 'validator');
  });

  it('by the stamps of pods that name 10,000 peers each, more than any list has', async () => {
    const digests = many(10_000, (index) => index.toString(16).padStart(8, '0'));
    const annotations = { 'stellar.org/peers': `v1:${digests.join()}`, 'stellar.org/peer-hash': 'x' };
    const names = many(170, (index) => `m${index}`);
    const parts = withVictims({
      nodes: names.map((name) => node(name, OF_MALLORY)),
      statefulSets: names.map((name) => statefulSet(name, OF_MALLORY)),
      pods: names.map((name) => pod(name, { ...OF_MALLORY, annotations })),
    });
    const plans = await quickly(() => planOf(afterPublishing(parts)));
    assert.equal(plans.get('testnet')?.holds.get(`${MALLORY}/m0`)?.code, 'UnreadableView');
  });

  /** 100 validators of mallory that could be restarted now, `down` pods that are down, and `count` budgets that allow all. */
  const withBudgets = (count: number, down: number, selector: object): Parts => {
    const names = many(100, (index) => `m${index}`);
    const all = [...names, ...many(down, (index) => `d${index}`)];
    const own = { network: 'custom', customNetworkPassphrase: 'of my own' };
    const isDown = (name: string) => name.startsWith('d');
    const specOf = (name: string) => (isDown(name) ? { ...own, customNetworkPassphrase: 'another' } : own);
    const parts = withVictims({
      nodes: all.map((name) => node(name, { ...OF_MALLORY, spec: specOf(name) })),
      statefulSets: all.map((name) => statefulSet(name, OF_MALLORY)),
      pods: all.map((name) => pod(name, { ...OF_MALLORY, ready: !isDown(name), annotations: stamp([]) })),
    });
    const pdbs = many(count, (index) => ({
      metadata: { name: `b${index}`, ...OF_MALLORY, generation: 1 },
      spec: { selector },
      status: { observedGeneration: 1, disruptionsAllowed: 5_000, desiredHealthy: 0, expectedPods: 5_000 },
    }));
    return { ...parts, pdbs };
  };
  const WITHOUT_QUORUM = { quorumCheck: 'off', maxUnavailable: { value: 5, isPercent: false } } as const;
  const judged = async (parts: Parts) => {
    const published = afterPublishing(parts);
    const { webhook } = networkParts({});
    const plans = await quickly(() => planOf({ ...published, webhook }, WITHOUT_QUORUM));
    const plan = [...plans].find(
      ([key]) => key.startsWith('custom-') && plans.get(key)?.holds.has(`${MALLORY}/m1`),
    );
    return plan?.[1].holds.get(`${MALLORY}/m1`);
  };

  it('by budgets over many pods that are down', async () => {
    assert.equal((await judged(withBudgets(400, 400, {})))?.code, 'Queued');
    const matchExpressions = many(40, (index) => ({ key: `k${index}`, operator: 'DoesNotExist' }));
    const why = await judged(withBudgets(400, 400, { matchExpressions }));
    assert.deepEqual(
      [why?.code, why?.detail],
      ['PdbForbids', `those of ${MALLORY} are too many or too long`],
    );
  });

  it('by budgets that select pods by very many conditions', async () => {
    const matchExpressions = many(1_500, (index) => ({ key: `k${index}`, operator: 'DoesNotExist' }));
    const why = await judged(withBudgets(160, 10, { matchExpressions }));
    assert.deepEqual(
      [why?.code, why?.detail],
      ['PdbForbids', `those of ${MALLORY} are too many or too long`],
    );
  });

  it('by 1,000 groups whose restarts last for different times, none of which fits into a window', async () => {
    const openingFor = parseWindows('mon-fri 02:00-02:30 Europe/Berlin; sat 03:00-03:20 America/New_York');
    const lastMs = many(1_000, (index) => 3_600_000 + index * 60_000);
    const found = await quickly(() => lastMs.map((neededMs) => openingFor?.(NOW_MS, neededMs)));
    assert.deepEqual(found, Array(1_000).fill(undefined));
  });

  it('by 2,000 StellarNodes with a home domain each; only the StellarNodes beyond 50 home domains wait', async () => {
    const names = many(2_000, (index) => `m${index}`);
    const set = (name: string) =>
      `NODE_HOME_DOMAIN="${name}.example.org"\n[QUORUM_SET]\nVALIDATORS=["$self"]\n`;
    const world = worldWith(
      withVictims({
        nodes: names.map((name) =>
          node(name, { ...OF_MALLORY, spec: { validatorConfig: { quorumSet: set(name) } } }),
        ),
        statefulSets: names.map((name) => statefulSet(name, { ...OF_MALLORY, spec: { replicas: 0 } })),
      }),
    );
    const discovery = discover(world, DISCOVERY);
    const margins = new QuorumMargins('testnet', { world, discovery });
    const validators = discovery.groups.get('testnet')?.validators ?? [];
    const found = await quickly(() => validators.map((each) => [each, margins.of(each).unknown] as const));
    const why = 'its namespace has more than 50 home domains';
    const waiting = found.filter(([, unknown]) => unknown?.problem === why);
    assert.equal(waiting.length, 1_950);
    assert.ok(waiting.every(([{ namespace }]) => namespace === MALLORY));
    // These wait even with `quorumUnknown: 'warn'`, which is for sets that cannot be read: no set was read here.
    for (const [validator] of waiting.slice(0, 2)) {
      const settings = { quorumCheck: 'hold', quorumUnknown: 'warn' } as const;
      assert.equal(
        quorumVerdict(validator, margins.of(validator), world, settings).hold?.code,
        'QuorumUnknown',
      );
    }
  });
});

/** `count` StellarNodes of mallory without pods, in `spaces` namespaces, each with a home domain of its own. */
function manyDomains(count: number, spaces: number, specOf: (name: string) => object) {
  const all = many(count, (index) => ({
    name: `m${index}`,
    of: { namespace: `${MALLORY}-${index % spaces}` },
  }));
  const quorumSet = (name: string) =>
    `NODE_HOME_DOMAIN="${name}.example.org"\n[QUORUM_SET]\nVALIDATORS=["$self"]\n`;
  const world = worldWith({
    nodes: all.map(({ name, of }) => {
      const validatorConfig = { quorumSet: quorumSet(name) };
      return node(name, { ...of, spec: { ...specOf(name), validatorConfig } });
    }),
    statefulSets: all.map(({ name, of }) => statefulSet(name, { ...of, spec: { replicas: 0 } })),
  });
  for (const _ of quorumSteps(world));
  return { world, discovery: discover(world, DISCOVERY) };
}

const gaugesOf = (cluster: Cluster) =>
  validatorGaugeSteps(
    {
      ...{ ...cluster, nowMs: NOW_MS, connections: new Map(), ownNamespace: OWN, told: new Set() },
      ...{ pausedSinceMs: () => undefined, driftSinceMs: () => undefined },
    },
    new Map(),
  );

describe('the metrics of networks do not keep the leader from its work', () => {
  it('if each of 5,000 StellarNodes has a network of its own', async () => {
    const own = manyDomains(5_000, 1, (name) => ({ network: 'custom', customNetworkPassphrase: name }));
    const found = await quickly(() => atOnce(gaugesOf(own)));
    assert.equal(found.size, 5_000);
  });

  it('if one network has 1,000 home domains in 20 namespaces: each step computes at most one home domain', async () => {
    let steps = 0;
    for (const _ of gaugesOf(manyDomains(1_000, 20, () => ({})))) steps += 1;
    assert.ok(steps >= 1_000, `${steps} steps`);
  });
});

it('each step reads one quorum set, so that other work gets its turn between two steps', () => {
  const quorumSet = 'NODE_HOME_DOMAIN="a.example.org"\n';
  let reads = 0;
  const nodes = new Map(
    [...worldWith(withVictims()).nodes].map(([key, reading]) => {
      assert.ok(reading.kind === 'validator');
      const get = () => {
        reads += 1;
        return quorumSet;
      };
      return [
        key,
        { ...reading, validator: Object.defineProperty({ ...reading.validator }, 'quorumSet', { get }) },
      ];
    }),
  );
  const steps = quorumSteps({ nodes });
  for (const [index] of VICTIMS.entries()) {
    assert.deepEqual([steps.next().done, reads], [false, index + 1]);
  }
  assert.equal(steps.next().done, true);
});

it('a stamp of 100 peers, the longest that a list allows, is read', () => {
  const digests = many(100, (index) => index.toString(16).padStart(8, '0'));
  assert.deepEqual(parseDigests(`v1:${digests.join()}`), digests);
});
