/** An operator as noisy as the upstream one: it causes no work, and real changes are still seen at once. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Resource, StatefulSets, StellarNodes } from '../../runtime/kube/resources.ts';
import { type AuditEntry, ourRefusals, ourRequests } from '../cluster/audit.ts';
import { addressOf, Published } from '../cluster/published.ts';
import { createValidator, type Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';

/** How often the two writers of the upstream operator write, as upstream does. */
const NOISE = { nodeStatusMs: 1000, statefulSetMs: 3000 };
const NAMESPACE = 'noisy';
const VALIDATORS = Array.from({ length: 12 }, (_, index) => `validator-${index + 1}`);
/** How many times each writer writes while we are observed. */
const NODE_WRITES = 15;
const STATEFUL_SET_WRITES = 5;
/** The promise is one second; a loaded machine may need more. */
const PUBLISHED_MS_MAX = 3_000;

/** Watches and requests for the leader Lease cost the same for a cluster of any size. */
const isUpkeep = ({ verb, resource }: AuditEntry): boolean =>
  verb === 'watch' || (resource === 'leases' && (verb === 'get' || verb === 'update'));

describe('a noisy operator', () => {
  let scene: Scene;
  let published: Published;

  const patch = (name: string, path: string, value: unknown) =>
    scene.cluster.admin.patch({ resource: StellarNodes, namespace: NAMESPACE, name }, [
      { op: 'add', path, value },
    ]);
  const everyOther = (name: string) => VALIDATORS.filter((other) => other !== name);
  /** Waits until an object of the first validator was written so many times more. */
  async function untilWritten(resource: Resource, times: number): Promise<void> {
    const ref = { resource, namespace: NAMESPACE, name: VALIDATORS[0] ?? '' };
    const versions = new Set<string | undefined>();
    await until(
      `its ${resource.kind} is written ${times} times`,
      async () => versions.add((await scene.cluster.admin.get(ref))?.metadata.resourceVersion).size > times,
      { deadlineMs: 120_000, everyMs: 200 },
    );
  }

  before(async () => {
    scene = await sharedScene();
    published = new Published(scene.cluster.admin);
    await scene.start(2);
    await scene.cluster.createNamespace(NAMESPACE);
    await Promise.all(VALIDATORS.map((name) => createValidator(scene, name, { namespace: NAMESPACE })));
    await scene.pods.until('all are Ready', (pods) =>
      VALIDATORS.every((name) => pods.isReady(`${NAMESPACE}/${name}-0`)),
    );
    await published.until(
      'all are in the overview',
      () => published.knownPeers().length === VALIDATORS.length,
    );
    await scene.operate({ noise: NOISE });
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  it('causes no request of ours except watches and the Lease', async () => {
    // Wait until all work for the new network is done.
    await settled(scene);
    const sinceMs = Date.now();
    await Promise.all([
      untilWritten(StellarNodes, NODE_WRITES),
      untilWritten(StatefulSets, STATEFUL_SET_WRITES),
    ]);
    const requests = ourRequests(await scene.cluster.audit()).filter(({ atMs }) => atMs >= sinceMs);
    const others = requests
      .filter((entry) => !isUpkeep(entry))
      .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
    assert.deepEqual(others, []);
    assert.ok(
      requests.some(({ resource }) => resource === 'leases'),
      'no replica leads',
    );
  });

  it('does not delay a changed port, which is published within a second', async (t) => {
    const [first = '', ...rest] = VALIDATORS;
    const address = addressOf(NAMESPACE, first, 21_625);
    const knownToAll = () =>
      rest.every((name) => published.peersOf(NAMESPACE, name)?.includes(address) === true);
    const seen = published.until('the new port is published', knownToAll);
    await patch(first, '/spec/validatorConfig', { peerPort: 21_625 });
    const tookMs = await seen;
    t.diagnostic(`published after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < PUBLISHED_MS_MAX, `published after ${Math.round(tookMs)} ms`);
  });

  it('does not delay a suspension or its end, which are published within a second', async (t) => {
    const name = VALIDATORS[1] ?? '';
    for (const suspended of [true, false]) {
      const published_ = () =>
        everyOther(name).every(
          (other) => published.peersOf(NAMESPACE, other)?.includes(addressOf(NAMESPACE, name)) === !suspended,
        );
      const seen = published.until(`suspended: ${suspended} is published`, published_);
      await patch(name, '/spec/suspended', suspended);
      const tookMs = await seen;
      t.diagnostic(`suspended: ${suspended} published after ${Math.round(tookMs)} ms`);
      assert.ok(tookMs < PUBLISHED_MS_MAX, `published after ${Math.round(tookMs)} ms`);
    }
    await scene.pods.until('it is back', (pods) => pods.isReady(`${NAMESPACE}/${name}-0`));
  });

  it('has caused no restart, and no request of ours was refused', async () => {
    const { [`${NAMESPACE}/${VALIDATORS[1]}-0`]: suspended, ...restarts } = scene.pods.restarts();
    assert.deepEqual([suspended, restarts], [1, {}], scene.pods.print());
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
