/** StatefulSets, pods, budgets, Services, Namespaces and the webhook configuration of any content, read and planned on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { discover } from '../../../peers/discovery/discover.ts';
import { webhookSelects } from '../../../peers/injection/selectors.ts';
import { readNamespace, readPdb, readService, readWebhook } from '../../../peers/read/cluster.ts';
import { readPod, readStatefulSet } from '../../../peers/read/workload.ts';
import { describeReason, type Reason } from '../../../peers/reasons/reasons.ts';
import { ViewBook } from '../../../peers/views/view-book.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { headlessService, planServices } from '../../../reconciler/plan/publish/services.ts';
import { planRollout } from '../../../reconciler/plan/restarts/rollout.ts';
import { signalScope } from '../../../reconciler/plan/signals/signal-targets.ts';
import { mergeAdvisories } from '../../../reconciler/plan/status/advisories.ts';
import { currentReasons } from '../../../reconciler/plan/status/current-reasons.ts';
import { withValidatorStates } from '../../../reconciler/plan/status/validator-state.ts';
import { at, DISCOVERY, inputOf, NOW_MS, networkParts, planOf } from '../reconciler/group.ts';
import { type Parts, type Raw, worldWith } from '../world.ts';
import { fuzz, type Odd, oddOf } from './odd.ts';

const OWN = 'stellar-peers';

const budget: Raw = {
  metadata: { name: 'budget', namespace: 'stellar', generation: 1, uid: 'pdb' },
  spec: { minAvailable: 1, selector: { matchLabels: { 'stellar.org/node-type': 'Validator' } } },
  status: { disruptionsAllowed: 1, desiredHealthy: 2, expectedPods: 3, observedGeneration: 1 },
};
const service: Raw = {
  metadata: { name: 'a-headless', namespace: 'stellar', uid: 'svc' },
  spec: { clusterIP: 'None', publishNotReadyAddresses: true },
};

/** `a` lacks a peer, and everything is such that it may be restarted. */
const BASE = networkParts(
  { a: { knows: ['b'] }, b: {}, c: { statefulSet: { spec: { replicas: 2 } } }, d: {} },
  {
    pdbs: [budget],
    namespace: { labels: { team: 'core' }, annotations: { 'stellar.org/peer-adopt': 'now' } },
  },
);
const PARTS: Parts = { ...BASE, services: [service] };

/** Lists of raw objects that a World is made of; the webhook configuration is one of them here. */
const LISTS = ['statefulSets', 'pods', 'pdbs', 'services', 'namespaces'] as const;
const listed = (parts: Parts, list: (typeof LISTS)[number]): Raw[] => parts[list] ?? [];

/** The name stays: it is what the API server keeps the object by. */
const withNameOf = (raw: Raw, { value }: Odd): Raw => {
  const { metadata } = value as { metadata?: unknown };
  const odd = typeof metadata === 'object' ? metadata : {};
  const { name, namespace } = raw.metadata;
  return { ...value, metadata: { ...odd, name, ...(namespace === undefined ? {} : { namespace }) } };
};

/** Some of the objects replaced by odd ones. */
const oddParts: fc.Arbitrary<Parts> = fc
  .array(
    fc.constantFrom(...LISTS).chain((list) => {
      const raws = listed(PARTS, list);
      return fc.nat({ max: raws.length - 1 }).chain((index) => {
        const raw = raws[index] as Raw;
        return oddOf([raw]).map((odd) => ({ list, index, raw: withNameOf(raw, odd) }));
      });
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((changes) =>
    fc.option(oddOf([PARTS.webhook ?? {}]), { nil: undefined, freq: 3 }).map((webhook) => {
      const parts = { ...PARTS, ...(webhook ? { webhook: withNameOf(PARTS.webhook as Raw, webhook) } : {}) };
      for (const { list, index, raw } of changes) parts[list] = listed(parts, list).with(index, raw);
      return parts;
    }),
  );

const assertTold = (reasons: ReadonlyMap<string, Reason>): void => {
  for (const [key, why] of reasons) {
    assert.equal(typeof key, 'string');
    assert.ok(describeReason(why).length > 0);
  }
};

describe('objects of any content', () => {
  it('read as facts of the right types', async (t) => {
    const numbers = [
      ...['createdAtMs', 'replicas', 'partition', 'generation', 'observedGeneration', 'currentReplicas'],
      ...['updatedReplicas', 'containerRestarts', 'disruptionsAllowed', 'desiredHealthy', 'expectedPods'],
    ];
    const readers = [
      [readStatefulSet, listed(PARTS, 'statefulSets')],
      [readPod, listed(PARTS, 'pods')],
      [readPdb, [budget]],
      [readService, [service]],
      [readNamespace, listed(PARTS, 'namespaces')],
    ] as const;
    for (const [read, raws] of readers) {
      await fuzz(t, { values: oddOf(raws) }, ({ value }) => {
        const facts = read(value) as unknown as Record<string, unknown>;
        assert.equal(typeof facts.name, 'string');
        for (const name of numbers) if (name in facts) assert.ok(Number.isFinite(facts[name]), name);
        if ('replicas' in facts) assert.ok(Number.isInteger(facts.replicas) && Number(facts.replicas) <= 101);
      });
    }
    await fuzz(t, { values: oddOf([PARTS.webhook ?? {}]) }, ({ value }) => {
      const facts = readWebhook(value);
      for (const { name, caBundle } of facts.entries)
        assert.equal(typeof name + typeof caBundle, 'stringstring');
      const selects = webhookSelects(facts, { namespaceLabels: {}, labels: {}, annotations: {} });
      assert.equal(typeof selects, 'boolean');
    });
  });

  it('lead to a plan with valid decisions, printable reasons and valid times', async (t) => {
    await fuzz(t, { runs: 600, values: oddParts }, (parts) => {
      const world = worldWith(parts);
      const discovery = discover(world, DISCOVERY);
      const settings = { ownNamespace: OWN, maxPeers: 24 };
      const plans = planRollout(inputOf(world).input);
      for (const [, { restart, holds, remarks, recheckInMs }] of plans) {
        assertTold(holds);
        assertTold(remarks);
        assert.ok(recheckInMs === undefined || !Number.isNaN(recheckInMs));
        for (const { uid, name } of restart?.pods ?? [])
          assert.equal(typeof uid + typeof name, 'stringstring');
      }
      assertTold(discovery.skipped);
      assertTold(mergeAdvisories(world, discovery));
      const published = planPublish(world, discovery, settings, NOW_MS);
      assertTold(published.reports);
      const moment = { world, discovery, nowMs: NOW_MS, connections: new Map() };
      const told = withValidatorStates(moment, currentReasons(moment, published, plans, new Map()));
      for (const [key, reasons] of told) for (const why of reasons) assertTold(new Map([[key, why]]));
      const services = planServices(world, discovery);
      assertTold(services.reports);
      for (const { validator, statefulSet } of services.create) headlessService(validator, statefulSet);
      const views = new ViewBook(discovery, settings.maxPeers);
      const { targets } = signalScope({
        world,
        discovery,
        settings,
        peerListOf: (validator) => views.peerListOf(validator),
        mayListen: () => true,
        isOpen: () => true,
      });
      for (const { host } of targets) assert.match(host, /^\d+(\.\d+){3}$/);
    });
  });

  it('never make a validator that is down count as up', async (t) => {
    const down = networkParts({
      a: { knows: ['b'] },
      b: { pod: { ready: false, readyAt: at(3_000) } },
      c: {},
    });
    assert.equal(planOf(worldWith(down)).holds.a, 'WaitingForUnavailable');
    const indexOf = (raws: readonly Raw[], name: string) =>
      raws.findIndex(({ metadata }) => metadata.name === name);
    const [pod, set] = [indexOf(listed(down, 'pods'), 'b-0'), indexOf(listed(down, 'statefulSets'), 'b')];
    const [rawPod, rawSet] = [listed(down, 'pods')[pod] as Raw, listed(down, 'statefulSets')[set] as Raw];
    await fuzz(t, { values: fc.tuple(oddOf([rawPod]), fc.option(oddOf([rawSet]))) }, ([oddPod, oddSet]) => {
      const pods = listed(down, 'pods').with(pod, withNameOf(rawPod, oddPod));
      const sets = oddSet
        ? listed(down, 'statefulSets').with(set, withNameOf(rawSet, oddSet))
        : down.statefulSets;
      const { restart } = planOf(worldWith({ ...down, pods, ...(sets ? { statefulSets: sets } : {}) }));
      assert.notEqual(restart, 'bump a');
    });
  });
});
