/** What the leader reads before a restart, and what it leaves alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { liveReads, type ReadLive } from '../../../reconciler/apply/live-reads.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { StellarNodes } from '../../../runtime/kube/resources.ts';
import { node } from '../world.ts';
import { DISCOVERY } from './group.ts';
import { Restarting } from './restarting.ts';

interface Given {
  /** Further namespaces with a validator of the network of stellar/a. */
  readonly more?: readonly string[];
  readonly watchNamespaces?: readonly string[];
}

/** The namespaces that are listed, kind by kind; `all` where a list is over all of them. */
async function listedBy(
  read: (live: ReadLive) => Promise<unknown>,
  { more = [], watchNamespaces = [] }: Given = {},
): Promise<Record<string, string[]>> {
  const stage = new Restarting();
  stage.addNetwork('acme');
  const spec = { network: 'custom', customNetworkPassphrase: 'test net' };
  const nodes = more.map((namespace) => node('x', { namespace, spec }));
  const { clock, kube } = stage;
  kube.seed(StellarNodes, nodes as unknown as KubeObject[]);
  const world = await stage.world();
  const scope = { ownNamespace: 'stellar-peers', watchNamespaces };
  const known = () => ({ world, discovery: discover(world, { ...DISCOVERY, peerScope: 'namespace' }) });
  kube.requests.length = 0;
  await read(liveReads({ kube, scope, clock, known }));
  const kinds = ['stellarnodes', 'statefulsets', 'pods', 'poddisruptionbudgets', 'services'];
  const inOf = (kind: string) => {
    const asked = kube.requests.filter((request) => request.endsWith(`/${kind}`));
    return asked.map((request) => /namespaces\/([^/]+)\//.exec(request)?.[1] ?? 'all');
  };
  return Object.fromEntries(kinds.map((kind) => [kind, inOf(kind).sort()]));
}

const each = (...namespaces: string[]) => ({
  ...{ stellarnodes: namespaces, statefulsets: namespaces, pods: namespaces },
  ...{ poddisruptionbudgets: namespaces, services: [] },
});

describe('reading afresh for one restart', () => {
  it("lists what is in the namespaces of its network, and nothing of others'", async () => {
    assert.deepEqual(await listedBy((live) => live.around('stellar/a')), each('stellar'));
    assert.deepEqual(await listedBy((live) => live.around('acme/a')), each('acme'));
  });

  it('lists those of other groups of the network too, which count in its quorum margin', async () => {
    const given = { more: ['globex', 'initech'] };
    assert.deepEqual(
      await listedBy((live) => live.around('stellar/a'), given),
      each('globex', 'initech', 'stellar'),
    );
    assert.deepEqual(
      await listedBy((live) => live.around('stellar/a'), {
        ...given,
        watchNamespaces: ['stellar', 'globex'],
      }),
      each('globex', 'stellar'),
    );
  });

  it('lists everything at once where its network is in more than sixteen namespaces', async () => {
    const more = Array.from({ length: 16 }, (_, index) => `n${index}`);
    assert.deepEqual(await listedBy((live) => live.around('stellar/a'), { more }), each('all'));
    const sixteen = await listedBy((live) => live.around('stellar/a'), { more: more.slice(1) });
    assert.equal(sixteen.pods?.length, 16);
  });

  it('lists everything where the caches do not know its network', async () => {
    assert.deepEqual(await listedBy((live) => live.around('stellar/unknown')), each('all'));
  });

  it('lists its own namespace alone to see what became of it', async () => {
    assert.deepEqual(await listedBy((live) => live.of('stellar/unknown')), each('stellar'));
  });
});
