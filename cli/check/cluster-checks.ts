/** Whether this cluster can run stellar-peers: its version and the StellarNode definition. Pure. */
import { type Fields, fieldsOf, listOf } from '../../peers/field.ts';
import { STELLAR_API_VERSION } from '../../peers/names.ts';
import { type CategoryCheck, type CheckVerdict, ok, problem, warning } from './check.ts';
import type { Facts } from './facts.ts';

/** Kubernetes 1.33 is the oldest release that is tested, and the first with stable native sidecars. */
const MINOR_MIN = 33;

function checkVersion({ serverVersion }: Facts): CheckVerdict {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(serverVersion) ?? [];
  if (major === undefined) return problem(`the API server gives its version as "${serverVersion}"`);
  const isNewEnough = Number(major) > 1 || Number(minor) >= MINOR_MIN;
  return isNewEnough
    ? ok(serverVersion)
    : problem(`${serverVersion}; 1.${MINOR_MIN} is the oldest version that works`);
}

const at = (fields: Fields, ...path: string[]): Fields =>
  path.reduce((inner, key) => fieldsOf(inner[key]), fields);

/** There are two generations of the definition. Only the newer one has a field for the passphrase. */
function checkCrd({ crd }: Facts): CheckVerdict {
  if (!crd) return problem('there is no definition of StellarNodes');
  const [, wanted] = STELLAR_API_VERSION.split('/');
  const version = listOf(at(crd, 'spec').versions).find(
    ({ name, served }) => name === wanted && served === true,
  );
  if (!version) return problem(`the definition does not serve ${STELLAR_API_VERSION}`);
  const properties = at(version, 'schema', 'openAPIV3Schema', 'properties', 'spec', 'properties');
  if (properties.network === undefined || properties.nodeType === undefined) {
    return warning(
      `${STELLAR_API_VERSION} has no spec.network or no spec.nodeType, so validators cannot be recognised`,
    );
  }
  const isNewer = properties.customNetworkPassphrase !== undefined;
  const validatorConfig = at(properties, 'validatorConfig');
  // The API server drops fields that the definition does not name, unless it preserves unknown fields.
  const keepsPort =
    at(validatorConfig, 'properties').peerPort !== undefined ||
    validatorConfig['x-kubernetes-preserve-unknown-fields'] === true;
  const port = keepsPort ? 'validatorConfig.peerPort is kept' : 'peer ports by annotation only';
  return ok(`${STELLAR_API_VERSION}, ${isNewer ? 'newer' : 'older'} generation; ${port}`);
}

export const CLUSTER_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'api-server',
    title: 'API server',
    looks: 'the API server answers and is Kubernetes 1.33 or newer',
    hint: 'upgrade Kubernetes: 1.33 is the oldest release that stellar-peers supports',
    needs: ['version'],
    evaluate: checkVersion,
  },
  {
    id: 'stellarnode-definition',
    title: 'StellarNode definition',
    looks:
      'the CustomResourceDefinition `stellarnodes.stellar.org`, and whether it is of the older or newer generation',
    hint: 'install the Stellar-K8s operator: its definition of StellarNodes must serve stellar.org/v1alpha1',
    needs: ['crd'],
    evaluate: checkCrd,
  },
];
