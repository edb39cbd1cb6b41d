/** How a replica finds the DNS domain of the cluster. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterDomainIn, logClusterDomain } from '../../../app/cluster-domain.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';

const found = (text: string) => clusterDomainIn(text, 'stellar-peers');

describe('the domain of the cluster', () => {
  it('is taken from the search list of the pod', () => {
    const conf =
      'nameserver 10.96.0.10\nsearch stellar-peers.svc.k8s.example svc.k8s.example k8s.example\noptions ndots:5\n';
    assert.equal(found(conf), 'k8s.example');
    assert.equal(found('search other.example\nsearch\tstellar-peers.svc.corp.local.\n'), 'corp.local');
  });

  it('is unknown if the pod does not use the DNS of the cluster, or the search list has no valid name', () => {
    for (const conf of [
      '',
      'search example.org',
      '# search stellar-peers.svc.a',
      'search elsewhere.svc.cluster.local',
      'search stellar-peers.svc.',
      'search stellar-peers.svc.BAD_NAME',
    ])
      assert.equal(found(conf), undefined, conf);
  });
});

describe('a domain in use that is wrong', () => {
  const told = async (inUse: string, domain: string | undefined, code?: string) => {
    const log = new CapturedLog();
    const lookup = () =>
      code ? Promise.reject(Object.assign(new Error(code), { code })) : Promise.resolve();
    const right = await logClusterDomain({ inUse, found: domain }, { log, lookup });
    return { right, said: log.lines.map(({ level, message }) => `${level}: ${message}`) };
  };
  const NOTHING = { right: undefined, said: [] };

  it('is reported if the pod searches another domain, and if nothing resolves in the domain', async () => {
    const differs = 'warn: CLUSTER_DOMAIN is not the domain that /etc/resolv.conf names';
    assert.deepEqual(await told('cluster.local', 'k8s.example', 'ENOTFOUND'), {
      right: 'k8s.example',
      said: [
        differs,
        'warn: the name of the API server does not exist under CLUSTER_DOMAIN, so names of peers will not resolve',
      ],
    });
    const notKnown = { right: undefined, said: [differs] };
    assert.deepEqual(
      await told('cluster.local', 'k8s.example', 'EAI_AGAIN'),
      notKnown,
      'may be a second one',
    );
  });

  it('is accepted if names resolve in it, because the cluster then has two domains', async () => {
    assert.deepEqual(await told('cluster.local', 'k8s.example'), NOTHING);
  });

  it('is not reported without evidence, if DNS does not answer or the pod does not use the DNS of the cluster', async () => {
    assert.deepEqual(await told('cluster.local', 'cluster.local'), NOTHING);
    assert.deepEqual(await told('cluster.local', 'cluster.local', 'EAI_AGAIN'), NOTHING);
    assert.deepEqual(await told('cluster.local', undefined, 'ENOTFOUND'), NOTHING);
  });
});
