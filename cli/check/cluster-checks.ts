/**
 * Whether this cluster can run stellar-peers: its version, the StellarNode definition, what else changes pods, and
 * whether the caller may install. Pure.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { labelSelectorOf, matchesSelector } from '../../peers/injection/selectors.ts';
import {
  LABEL_NODE_TYPE,
  NODE_TYPE_VALIDATOR,
  STELLAR_API_VERSION,
  WEBHOOK_CONFIGURATION,
} from '../../peers/names.ts';
import { type Check, type CheckVerdict, ok, problem, some, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { rightText } from './rights.ts';
import { validatorNamespaces } from './validators.ts';

/** ValidatingAdmissionPolicy and matchConditions are v1 from here on. */
const MINOR_MIN = 30;

function judgeVersion({ serverVersion }: Facts): CheckVerdict {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(serverVersion) ?? [];
  if (major === undefined) return problem(`the API server gives its version as "${serverVersion}"`);
  const isNewEnough = Number(major) > 1 || Number(minor) >= MINOR_MIN;
  return isNewEnough
    ? ok(serverVersion)
    : problem(`${serverVersion}; 1.${MINOR_MIN} is the oldest that will do`);
}

const at = (fields: Fields, ...path: string[]): Fields =>
  path.reduce((inner, key) => fieldsOf(inner[key]), fields);

/** UPSTREAM's two generations: the newer one has the passphrase in a field of its own. */
function judgeCrd({ crd }: Facts): CheckVerdict {
  if (!crd) return problem('there is no definition of StellarNodes');
  const [, wanted] = STELLAR_API_VERSION.split('/');
  const version = listOf(at(crd, 'spec').versions).find(
    ({ name, served }) => name === wanted && served === true,
  );
  if (!version) return problem(`the definition does not serve ${STELLAR_API_VERSION}`);
  const properties = at(version, 'schema', 'openAPIV3Schema', 'properties', 'spec', 'properties');
  if (properties.network === undefined || properties.nodeType === undefined) {
    return warning(
      `${STELLAR_API_VERSION} has no spec.network or no spec.nodeType, by which validators are known`,
    );
  }
  const isNewer = properties.customNetworkPassphrase !== undefined;
  const validatorConfig = at(properties, 'validatorConfig');
  const keepsPort =
    at(validatorConfig, 'properties').peerPort !== undefined ||
    validatorConfig['x-kubernetes-preserve-unknown-fields'] === true;
  const port = keepsPort ? 'validatorConfig.peerPort is kept' : 'peer ports by annotation only';
  return ok(`${STELLAR_API_VERSION}, ${isNewer ? 'newer' : 'older'} generation; ${port}`);
}

const touchesPods = (webhook: Fields): boolean =>
  listOf(webhook.rules).some(
    ({ apiGroups, resources, operations }) =>
      names(apiGroups, '') && names(resources, 'pods') && names(operations, 'CREATE'),
  );

const names = (list: unknown, wanted: string): boolean =>
  Array.isArray(list) && (list.includes(wanted) || list.includes('*') || list.includes('*/*'));

/** True if a validator's pod may be sent to that webhook; where there are no validators yet, by its labels alone. */
function concernsValidators(webhook: Fields, facts: Facts): boolean {
  const labels = { [LABEL_NODE_TYPE]: NODE_TYPE_VALIDATOR, 'app.kubernetes.io/name': 'stellar-node' };
  if (!matchesSelector(labelSelectorOf(webhook.objectSelector), labels)) return false;
  const namespaces = validatorNamespaces(facts);
  const selector = labelSelectorOf(webhook.namespaceSelector);
  return (
    namespaces.length === 0 ||
    namespaces.some((name) => matchesSelector(selector, facts.world.namespaces.get(name)?.labels ?? {}))
  );
}

function judgeOthers(facts: Facts): CheckVerdict {
  const others = facts.webhooks.filter(({ metadata }) => fieldsOf(metadata).name !== WEBHOOK_CONFIGURATION);
  const webhooks = others.flatMap((configuration) => listOf(configuration.webhooks)).filter(touchesPods);
  const concerned = webhooks.filter((webhook) => concernsValidators(webhook, facts));
  if (concerned.length === 0) return ok('no other webhook changes validator pods');
  return warning(`also asked about validator pods: ${some(concerned.map(({ name }) => textOf(name) ?? ''))}`);
}

function judgeInstallRights({ installRightsMissing }: Facts): CheckVerdict {
  if (installRightsMissing.length === 0) return ok('you may make all kinds of the manifests');
  return problem(`you may not ${some(installRightsMissing.map(rightText))}`);
}

export const CLUSTER_CHECKS: readonly Check[] = [
  {
    id: 'api-server',
    category: 'Cluster',
    title: 'API server',
    looks: 'the API server answers and is Kubernetes 1.30 or newer',
    hint: 'upgrade Kubernetes: matchConditions and ValidatingAdmissionPolicy are v1 from 1.30 on',
    when: 'both',
    needs: ['version'],
    judge: judgeVersion,
  },
  {
    id: 'stellarnode-definition',
    category: 'Cluster',
    title: 'StellarNode definition',
    looks: 'the CustomResourceDefinition `stellarnodes.stellar.org`, and which generation of it',
    hint: 'install the Stellar-K8s operator: its definition of StellarNodes must serve stellar.org/v1alpha1',
    when: 'both',
    needs: ['crd'],
    judge: judgeCrd,
  },
  {
    id: 'other-webhooks',
    category: 'Cluster',
    title: 'other webhooks',
    looks: 'mutating webhooks of others that are asked about validator pods',
    hint: 'look at one validator pod after the install: volume stellar-peers must still be mounted once they have run',
    when: 'both',
    needs: ['mutatingwebhookconfigurations', 'namespaces', 'stellarnodes'],
    judge: judgeOthers,
  },
  {
    id: 'install-rights',
    category: 'Installation',
    title: 'your rights',
    looks: 'whether you may get, create and patch every kind of `manifests/base`',
    hint: 'have an administrator install who may make cluster roles, webhook configurations and admission policies',
    when: 'before',
    needs: ['installRights'],
    judge: judgeInstallRights,
  },
];
