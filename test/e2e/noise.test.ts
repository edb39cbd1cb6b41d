/** An operator as noisy as the upstream one: what it costs us, and whether news is still heard. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StellarNodes } from '../../runtime/resources.ts';
import { type AuditEntry, ourRefusals, ourRequests } from '../cluster/audit.ts';
import { addressOf, Published } from '../cluster/published.ts';
import { createScene, createValidator, type Scene } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';

/** Both writers of the upstream operator, at its pace. */
const NOISE = { nodeStatusMs: 1000, statefulSetMs: 3000 };
const VALIDATORS = Array.from({ length: 12 }, (_, index) => `validator-${index + 1}`);
const OBSERVED_MS = 30_000;
/** The promise is a second; what a loaded machine may add is not ours. */
const PUBLISHED_MS_MAX = 3_000;

/** Watches, and what keeps the leader lease, cost the same however large the cluster is. */
const isUpkeep = ({ verb, resource }: AuditEntry): boolean =>
  verb === 'watch' || (resource === 'leases' && (verb === 'get' || verb === 'update'));

describe('a noisy operator', () => {
  let scene: Scene;
  let published: Published;

  const patch = (name: string, path: string, value: unknown) =>
    scene.cluster.admin.patch({ resource: StellarNodes, namespace: 'stellar', name }, [
      { op: 'add', path, value },
    ]);
  const everyOther = (name: string) => VALIDATORS.filter((other) => other !== name);
  const restOfUs = async () =>
    ourRequests(await scene.cluster.audit()).filter((entry) => !isUpkeep(entry)).length;

  before(async () => {
    scene = await createScene();
    published = new Published(scene.cluster.admin);
    await scene.start(2);
    await scene.cluster.createNamespace('stellar');
    await Promise.all(VALIDATORS.map((name) => createValidator(scene, name)));
    await scene.pods.until('all are Ready', (pods) =>
      VALIDATORS.every((name) => pods.isReady(`stellar/${name}-0`)),
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

  it('causes not one request of ours but watches and the Lease', async () => {
    // What the new network itself gave us to do is over when nothing has been asked for two seconds.
    let asked = -1;
    await until(
      'we are at rest',
      async () => {
        const before = asked;
        asked = await restOfUs();
        return asked === before;
      },
      { everyMs: 2_000 },
    );
    const [first] = VALIDATORS;
    const ref = { resource: StellarNodes, namespace: 'stellar', name: first ?? '' };
    const version = async () => (await scene.cluster.admin.get(ref))?.metadata.resourceVersion;
    const [sinceMs, before] = [Date.now(), await version()];
    await delay(OBSERVED_MS);
    assert.notEqual(await version(), before, 'there was no noise');
    const requests = ourRequests(await scene.cluster.audit()).filter(({ atMs }) => atMs >= sinceMs);
    const others = requests
      .filter((entry) => !isUpkeep(entry))
      .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
    assert.deepEqual(others, []);
    assert.ok(
      requests.some(({ resource }) => resource === 'leases'),
      'nobody leads',
    );
  });

  it('does not keep a changed port from being published within a second', async (t) => {
    const [first = '', ...rest] = VALIDATORS;
    const address = addressOf('stellar', first, 21_625);
    const knownToAll = () =>
      rest.every((name) => published.peersOf('stellar', name)?.includes(address) === true);
    const seen = published.until('the new port is published', knownToAll);
    await patch(first, '/spec/validatorConfig', { peerPort: 21_625 });
    const tookMs = await seen;
    t.diagnostic(`published after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < PUBLISHED_MS_MAX, `published after ${Math.round(tookMs)} ms`);
  });

  it('does not keep a suspension and its end from being published within a second', async (t) => {
    const name = VALIDATORS[1] ?? '';
    for (const suspended of [true, false]) {
      const published_ = () =>
        everyOther(name).every(
          (other) => published.peersOf('stellar', other)?.includes(addressOf('stellar', name)) === !suspended,
        );
      const seen = published.until(`suspended: ${suspended} is published`, published_);
      await patch(name, '/spec/suspended', suspended);
      const tookMs = await seen;
      t.diagnostic(`suspended: ${suspended} published after ${Math.round(tookMs)} ms`);
      assert.ok(tookMs < PUBLISHED_MS_MAX, `published after ${Math.round(tookMs)} ms`);
    }
    await scene.pods.until('it is back', (pods) => pods.isReady(`stellar/${name}-0`));
  });

  it('has made us restart nobody, and nothing was refused to us', async () => {
    const { [`stellar/${VALIDATORS[1]}-0`]: suspended, ...restarts } = scene.pods.restarts();
    assert.deepEqual([suspended, restarts], [1, {}], scene.pods.print());
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
