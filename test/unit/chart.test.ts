/** What the chart's files promise without helm; what helm makes of them is tested in test/e2e-more/helm. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Fields, fieldsOf, listOf } from '../../peers/field.ts';

const file = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const text = (path: string): string => readFileSync(file(path), 'utf8');
const yaml = (path: string): Fields => fieldsOf(parse(text(path)));

const CHART = 'manifests/chart';
const values = yaml(`${CHART}/values.yaml`);
const schema = fieldsOf(JSON.parse(text(`${CHART}/values.schema.json`)));

describe('the chart', () => {
  it('has the version of the program, and so have the image in the manifests and the examples in the texts', () => {
    const { version } = fieldsOf(JSON.parse(text('package.json')));
    const { version: chart, appVersion } = yaml(`${CHART}/Chart.yaml`);
    const [image] = listOf(yaml('manifests/base/kustomization.yaml').images);
    assert.deepEqual([chart, appVersion, image?.newTag], [version, version, version]);
    assert.ok(text('README.md').includes(`newTag: ${version}\n`));
  });

  /** Where the chart has the objects of a file of manifests, and which of its lines come from values there. */
  const COPIES: ReadonlyArray<readonly [string, string, ...RegExp[]]> = [
    ['base/namespace.yaml', 'namespace.yaml', /^ {2}name: stellar-peers$/, /enforce: restricted$/],
    ['base/rbac.yaml', 'rbac.yaml'],
    ['base/policies.yaml', 'policies.yaml'],
    ['base/service.yaml', 'service.yaml'],
    ['base/pdb.yaml', 'pdb.yaml'],
    ['base/webhook.yaml', 'webhook.yaml', /values: \["kube-system", "stellar-peers"\]/],
    [
      'base/deployment.yaml',
      'deployment.yaml',
      /^ {2}replicas: /,
      /^ {10}image: /,
      /^ {12}(requests|limits):$/,
      /^ {14}(cpu|memory): /,
      /^ {8}kubernetes\.io\/os: linux$/,
      // Both contexts and the affinity, which are compared as values below.
      /^ {8}(runAsNonRoot: true|seccompProfile:)$/,
      /^ {10}type: RuntimeDefault$/,
      /^ {8}podAntiAffinity:$/,
      /^ {10}preferredDuringSchedulingIgnoredDuringExecution:$/,
      /^ {12}- weight: 100$/,
      /^ {14}podAffinityTerm:$/,
      /^ {16}(topologyKey|labelSelector):/,
      /^ {18}matchLabels:$/,
      /^ {20}app\.kubernetes\.io\/name: stellar-peers$/,
      /^ {12}(allowPrivilegeEscalation: false|readOnlyRootFilesystem: true|capabilities:)$/,
      /^ {14}drop: \["ALL"\]$/,
      /^ {14}containerPort: (8443|8082)$/,
      /^ {10}resources:$/,
    ],
    ['cert-manager/certificates.yaml', 'certificates.yaml', /^ {4}- stellar-peers-webhook\./],
    [
      ...(['network-policy/policy.yaml', 'network-policy.yaml'] as const),
      // The rules of DNS and the API server, and ports, which are compared as values below.
      /^ {8}- port: (8443|8082|11626|53|5353|443|6443)$/,
      /^ {10}protocol: (UDP|TCP)$/,
      /^ {4}- (to|ports):$/,
      /^ {6}ports:$/,
      /^ {8}- namespaceSelector:$/,
      /^ {12}matchLabels:$/,
      /^ {14}kubernetes\.io\/metadata\.name: (kube-system|openshift-dns)$/,
    ],
  ];
  for (const [manifest, template, ...byValue] of COPIES) {
    it(`has every line of manifests/${manifest}, in that order`, () => {
      const lines = (content: string) => content.split('\n').map((line) => line.replace(/^\s*#.*/, ''));
      const wanted = lines(text(`manifests/${manifest}`))
        .filter((line) => line !== '' && !byValue.some((pattern) => pattern.test(line)))
        .map((line) =>
          line
            .replace('namespace: stellar-peers', 'namespace: {{ .Release.Namespace | quote }}')
            .replace('serviceaccount:stellar-peers:', 'serviceaccount:{{ .Release.Namespace }}:'),
        );
      const there = lines(text(`${CHART}/templates/${template}`));
      let from = 0;
      for (const line of wanted) {
        const at = there.indexOf(line, from);
        assert.ok(at >= 0, `templates/${template} lacks, after its line ${from}: ${line}`);
        from = at + 1;
      }
    });
  }

  it('has, as defaults of its values, what stands in the manifests', () => {
    const template = fieldsOf(fieldsOf(yaml('manifests/base/deployment.yaml').spec).template);
    const pod = fieldsOf(template.spec);
    const container = listOf(pod.containers)[0] ?? {};
    assert.deepEqual(values.podSecurityContext, pod.securityContext);
    assert.deepEqual(values.securityContext, container.securityContext);
    assert.deepEqual(values.affinity, pod.affinity);
    const port = listOf(container.ports).find(({ name }) => name === 'webhook');
    assert.equal(fieldsOf(values.webhook).port, port?.containerPort);
    const policy = fieldsOf(yaml('manifests/network-policy/policy.yaml').spec);
    const [dns = {}, server = {}, own = {}] = listOf(policy.egress);
    const { dns: names, apiServerPorts } = fieldsOf(values.networkPolicy);
    const portsOf = (rule: Fields) => [...new Set(listOf(rule.ports).map((each) => each.port))];
    assert.deepEqual(fieldsOf(names).ports, portsOf(dns));
    assert.deepEqual(apiServerPorts, portsOf(server));
    assert.deepEqual([port?.containerPort], portsOf(own));
    for (const name of fieldsOf(names).namespaces as string[])
      assert.ok(JSON.stringify(dns.to).includes(name));
  });

  it('knows each of its values in its schema, and has each of the schema', () => {
    // `global` is helm's own, for charts within charts; `replicas` is the former name of a value, which has no default.
    const without = ['global', 'replicas'];
    const known = Object.keys(fieldsOf(schema.properties)).filter((name) => !without.includes(name));
    assert.deepEqual(known.sort(), Object.keys(values).sort());
  });

  it('names each of its values in its README', () => {
    const readme = text(`${CHART}/README.md`);
    const missing = Object.keys(values).filter((name) => !readme.includes(`\`${name}`));
    assert.deepEqual(missing, []);
  });

  it('uses each of its values', () => {
    const folder = `${CHART}/templates`;
    const names = readdirSync(file(folder), { recursive: true, encoding: 'utf8' });
    const templates = names
      .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
      .map((name) => text(`${folder}/${name}`))
      .join('\n');
    const unused = Object.keys(values).filter((name) => !templates.includes(`.Values.${name}`));
    assert.deepEqual(unused, []);
  });
});
