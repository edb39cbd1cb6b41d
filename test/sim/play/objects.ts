/** The initial objects of a simulated cluster: the StellarNodes of the plan, and the webhook configuration. */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { StellarNodes } from '../../../runtime/kube/resources.ts';
import { machineOf } from '../scheduler.ts';
import type { NodePlan, Plan } from './plan.ts';
import { knownBy } from './standing.ts';

const publicKey = (index: number): string => `G${String.fromCharCode(65 + index).repeat(55)}`;
const quorumSet = (count: number, percent: number): string => {
  const keys = Array.from({ length: count }, (_, index) => publicKey(index));
  return `[QUORUM_SET]\nTHRESHOLD_PERCENT=${percent}\nVALIDATORS=${JSON.stringify(keys)}\n`;
};

/** The size of the flat quorum set, which is the same for all nodes of a network. */
export const quorumSizeOf = (plan: Plan, network: number): number =>
  plan.nodes.filter((node) => node.network === network).length + (plan.networks[network]?.absent ?? 0);

/** Home domains of other operators, with three validators each. */
export const FAR_DOMAINS = ['far-1', 'far-2', 'far-3'];

/** The node's own home domain in its automatic set. */
export const homeOf = ({ homeDomain, namespace }: NodePlan): string => homeDomain ?? namespace;

/** The size of each home domain of a network. Public networks also have domains of other operators. */
export function domainSizesOf(plan: Plan, network: number): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const node of plan.nodes)
    if (node.network === network) sizes.set(homeOf(node), (sizes.get(homeOf(node)) ?? 0) + 1);
  if (plan.networks[network]?.isPublic) for (const far of FAR_DOMAINS) sizes.set(far, 3);
  return sizes;
}

/** The automatic set of a node. It does not list the node itself. */
function domainSet(node: NodePlan, plan: Plan): string {
  const sizes = [...domainSizesOf(plan, node.network)];
  const domains = sizes.map(
    ([name, size]) => `[[HOME_DOMAINS]]\nHOME_DOMAIN="${name}"\nQUALITY="${size < 3 ? 'MEDIUM' : 'HIGH'}"\n`,
  );
  const homes = sizes.flatMap(([name, size]) =>
    Array<string>(size - Number(name === homeOf(node))).fill(name),
  );
  const validators = homes.map(
    (name, index) =>
      `[[VALIDATORS]]\nNAME="n${index}"\nHOME_DOMAIN="${name}"\nPUBLIC_KEY="${publicKey(index)}"\nHISTORY="h"\n`,
  );
  return [`NODE_HOME_DOMAIN="${homeOf(node)}"\n`, ...domains, ...validators].join('');
}

function quorumSetOf(node: NodePlan, plan: Plan): string | undefined {
  const { percent = null, hasDomains = false } = plan.networks[node.network] ?? {};
  if (hasDomains) return domainSet(node, plan);
  return percent === null ? undefined : quorumSet(quorumSizeOf(plan, node.network), percent);
}

const PUBLIC = ['testnet', 'futurenet', 'mainnet'];

export function stellarNode(node: NodePlan, plan: Plan): KubeObject {
  const { isPublic = false } = plan.networks[node.network] ?? {};
  const text = quorumSetOf(node, plan);
  const network = isPublic
    ? { network: PUBLIC[node.network] ?? 'testnet' }
    : { network: 'custom', customNetworkPassphrase: `network ${node.network}` };
  const validatorConfig = text === undefined ? {} : { validatorConfig: { quorumSet: text } };
  return {
    apiVersion: StellarNodes.apiVersion,
    kind: StellarNodes.kind,
    metadata: { name: node.name, namespace: node.namespace },
    spec: { nodeType: 'Validator', version: 'v1', replicas: node.replicas, ...network, ...validatorConfig },
  };
}

export const WEBHOOK: KubeObject = {
  metadata: { name: 'stellar-peers' },
  webhooks: [
    {
      name: 'pods.peers.stellar.org',
      rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
      objectSelector: { matchLabels: { 'stellar.org/node-type': 'Validator' } },
      namespaceSelector: {
        matchExpressions: [{ key: 'stellar.org/peer-injection', operator: 'NotIn', values: ['disabled'] }],
      },
      matchConditions: [
        {
          name: 'not-opted-out',
          expression:
            "!has(object.metadata.annotations) || !('stellar.org/peer-injection' in object.metadata.annotations) || object.metadata.annotations['stellar.org/peer-injection'] != 'disabled'",
        },
      ],
      clientConfig: { url: 'https://127.0.0.1:1/mutate-pods', caBundle: 'AAAA' },
      failurePolicy: 'Ignore',
      timeoutSeconds: 5,
    },
  ],
};

/** How far the clock of the pod's machine is ahead. The plan's clocks are used in turn. */
export function skewOf(pod: KubeObject, skewsMs: readonly number[]): number {
  const machine = Number(/\d+$/.exec(machineOf(pod) ?? '')?.[0] ?? 0);
  return skewsMs.length === 0 ? 0 : (skewsMs[machine % skewsMs.length] ?? 0);
}

/**
 * The time from running until Ready, in ms, by the plan of the pod's node. Undefined for never, for example for a pod
 * without peers if validators need peers.
 */
export function readyMsOf(pod: KubeObject, { nodes, networks, needPeers }: Plan): number | undefined {
  const node = nodes.find(({ name }) => name === pod.metadata.name.replace(/-\d+$/, ''));
  const isAlone = nodes.every((each) => each === node || each.network !== node?.network);
  const isFound = isAlone || networks[node?.network ?? -1]?.isPublic;
  if (needPeers && !isFound && (knownBy(pod) ?? []).length === 0) return undefined;
  return node?.readyMs ?? undefined;
}
