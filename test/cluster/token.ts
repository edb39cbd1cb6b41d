/** Tokens of ServiceAccounts, as the API server gives them to pods. */
import type { Kube } from '../../runtime/kube/port.ts';
import { ServiceAccounts, under } from './resources.ts';
import { until } from './until.ts';

const TOKEN_SECONDS = 86_400;

/** One that is good for 24 h, as soon as the ServiceAccount is there. */
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
