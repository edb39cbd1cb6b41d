/** Requests tokens of ServiceAccounts from the API server. */
import type { Kube } from '../../runtime/kube/port.ts';
import { ServiceAccounts, under } from './resources.ts';
import { until } from './until.ts';

const TOKEN_SECONDS = 86_400;

/** A token that is valid for 24 h. Waits until the ServiceAccount exists. */
export async function requestToken(admin: Kube, namespace: string, name: string): Promise<string> {
  const account = { resource: ServiceAccounts, namespace, name };
  await until(`ServiceAccount ${namespace}/${name} exists`, () => admin.get(account));
  const answer = await admin.create(under(account, 'token'), {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name, namespace },
    spec: { expirationSeconds: TOKEN_SECONDS },
  });
  return (answer.status as { token: string }).token;
}
