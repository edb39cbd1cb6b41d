/** Quorum sets that the StellarNodes do not tell, read from what is mounted, right before a restart. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { withMountedSets } from '../../../reconciler/apply/mounted-sets.ts';
import type { Attempt } from '../../../reconciler/apply/restart-executor.ts';
import { quorumOf } from '../../../reconciler/plan/quorum/quorum-units.ts';
import { ConfigMaps } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { type Spec, setOf } from './group.ts';
import { JOINED, Restarting } from './restarting.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const LISTED = {
  network: 'testnet',
  customNetworkPassphrase: undefined,
  validatorConfig: { vlSource: 'https://x' },
};
const mounting = (name: string, items?: readonly object[]) => ({
  containers: [
    {
      name: 'stellar-node',
      // Nothing is merged into the configuration of such an image, and it is there all the same.
      image: `stellar/stellar-core:26${name === 'd' ? '-distroless' : ''}`,
      readinessProbe: {},
      volumeMounts: [{ name: 'config', mountPath: '/config', readOnly: true }],
    },
  ],
  volumes: [{ name: 'config', configMap: { name: `${name}-config`, ...(items && { items }) } }],
});
const labels = (name: string) => ({
  'app.kubernetes.io/instance': name,
  'stellar.org/node-type': 'Validator',
});
const specOf = (name: string, items?: readonly object[]): Spec => ({
  ...JOINED[name],
  node: { spec: LISTED },
  statefulSet: { spec: { template: { metadata: { labels: labels(name) }, spec: mounting(name, items) } } },
});

/** A joined network of testnet, of which no StellarNode tells its set, and these configurations by validator. */
function stageOf(
  texts: Readonly<Record<string, string>>,
  annotation = 'read',
  [file = 'stellar-core.cfg', items]: readonly [string?, (readonly object[])?] = [],
): Restarting {
  const specs = Object.fromEntries(NAMES.map((name) => [name, specOf(name, items)]));
  const annotations = {
    'stellar.org/peer-quorum-unknown': annotation,
    'stellar.org/peer-roll-for': 'missing',
  };
  const stage = new Restarting(specs, { namespace: { annotations } });
  const maps = Object.entries(texts).map(([name, text]) => ({
    metadata: { name: `${name}-config`, namespace: 'stellar' },
    data: { [file]: text },
  }));
  stage.kube.seed(ConfigMaps, maps);
  return stage;
}

async function attempted(stage: Restarting): Promise<Attempt> {
  return stage.restarter().attempt(await stage.wanted());
}

const toldBy = (attempt: Attempt) =>
  attempt.kind === 'refused' ? [attempt.reason.code, attempt.reason.detail] : [attempt.kind];

const allWith = (text: string) => Object.fromEntries(NAMES.map((name) => [name, text]));
const configuration = (percent: number) => `HTTP_PORT=11626\nNODE_SEED="not told"\n${setOf(NAMES, percent)}`;
const readsOf = ({ kube }: Restarting) => kube.requests.filter((each) => /^get .*-config$/.test(each));

describe('a quorum set that is not in the StellarNode', () => {
  it('is read from the mounted configuration, and lets a restart go ahead that it bears', async () => {
    const stage = stageOf(allWith(configuration(67)));
    assert.deepEqual(readsOf(stage), [], 'nothing is read before');
    assert.equal((await attempted(stage)).kind, 'begun');
    assert.equal(readsOf(stage).length, 4);
  });

  it('is read from the key that the volume mounts under the name of the file, and from no other', async () => {
    const text = allWith(configuration(67));
    const mounted = (path: string) => [{ key: 'core.toml', path }];
    const renamed = stageOf(text, 'read', ['core.toml', mounted('stellar-core.cfg')]);
    assert.equal((await attempted(renamed)).kind, 'begun');
    for (const [key, path] of [
      ['core.toml', 'other.cfg'],
      ['stellar-core.cfg', 'other.cfg'],
      ['stellar-core.cfg', 'stellar-core.cfg'],
    ] as const) {
      const stage = stageOf(text, 'read', [key, mounted(path)]);
      assert.deepEqual([toldBy(await attempted(stage))[0], stage.tokens()], ['QuorumUnknown', {}]);
    }
  });

  it('holds a restart that it does not tolerate', async () => {
    const [code, detail] = toldBy(await attempted(stageOf(allWith(configuration(100)))));
    assert.equal(code, 'QuorumMargin');
    assert.match(detail ?? '', /^its quorum sets can spare 0\b/);
  });

  it('holds restarts if it is missing, unreadable or not granted, and the reason says which', async () => {
    const others = allWith(configuration(67));
    const { b: _, ...missing } = others;
    const cases: ReadonlyArray<readonly [Restarting, RegExp]> = [
      [stageOf(missing), /^stellar\/b: vlSource replaces its quorumSet; ConfigMap b-config has no key/],
      [stageOf({ ...others, b: 'A=1\n[QUORUM_SET]\n' }), /; ConfigMap b-config, line 2: /],
      [stageOf({ ...others, b: 'NODE_SEED="S' }), /; ConfigMap b-config, line 1: it is not TOML$/],
      [stageOf(others), /; ConfigMap a-config may not be read \(manifests\/quorum-sets\)$/],
    ];
    const [refused] = cases.at(-1) ?? [];
    if (refused)
      refused.kube.intercept = (request) => {
        if (/^get .*-config$/.test(request)) throw failure(403, 'Forbidden', 'cannot get resource');
      };
    for (const [stage, expected] of cases) {
      const [code, detail] = toldBy(await attempted(stage));
      assert.equal(code, 'QuorumUnknown');
      assert.match(detail ?? '', expected);
      assert.deepEqual(stage.tokens(), {});
    }
  });

  it('stays unknown where the ConfigMap cannot be got, and is the trouble of no other network', async () => {
    for (const status of [400, 503]) {
      const stage = stageOf(allWith(configuration(67)));
      stage.kube.intercept = (request) => {
        if (/^get .*-config$/.test(request)) throw failure(status, '', 'no');
      };
      const [code, detail] = toldBy(await attempted(stage));
      assert.equal(code, 'QuorumUnknown');
      assert.match(detail ?? '', new RegExp(`; ConfigMap a-config could not be read \\(${status}\\)$`));
      assert.deepEqual(stage.tokens(), {});
    }
  });

  it('stays unknown where it takes so long that the rest of what was read is old', async () => {
    const stage = stageOf(allWith(configuration(67)));
    stage.kube.intercept = (request) => {
      if (/^get .*-config$/.test(request)) stage.clock.advance(2_500);
    };
    const { input } = await stage.plans();
    const { kube, clock } = stage;
    const world = await withMountedSets({ kube, clock }, input.world, 'stellar');
    const told = NAMES.map((name) => world?.nodes.get(`stellar/${name}`)).map((node) =>
      node?.kind === 'validator' ? quorumOf(node.validator) : undefined,
    );
    for (const reading of told)
      assert.match(JSON.stringify(reading), /; ConfigMap .-config could not be read in time"}$/);
    assert.equal(readsOf(stage).length, 1);
  });

  it('is not read without the annotation', async () => {
    const stage = stageOf(allWith(configuration(100)), 'warn');
    assert.equal((await attempted(stage)).kind, 'begun');
    assert.deepEqual(readsOf(stage), []);
  });
});

describe('the optional Role', () => {
  it('lets us get the ConfigMaps that it names, and nothing else', () => {
    const file = new URL('../../../manifests/quorum-sets/role.yaml', import.meta.url);
    const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((each) => each.toJS());
    const { rules } = documents.find(({ kind }) => kind === 'Role');
    assert.deepEqual(
      rules.map(({ resourceNames, ...rule }: { resourceNames: string[] }) => [
        rule,
        resourceNames.length > 0,
      ]),
      [[{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }, true]],
    );
  });
});
