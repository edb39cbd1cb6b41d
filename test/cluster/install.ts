/**
 * Installs our manifests into a test cluster as a user would, with two differences: the webhook has a URL, because there
 * is no kube-proxy, and the Deployment has no pods, because there is no container runtime.
 */
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { Cluster } from './boot.ts';
import { ServiceAccounts } from './resources.ts';
import { until } from './until.ts';

interface InstallOptions {
  /** The URL of the webhook for the API server, such as `https://127.0.0.1:<front>/mutate-pods`. */
  readonly webhookUrl: string;
  /** Folder with a kustomization. Default `manifests/base`. */
  readonly folder?: string;
  /** Additional settings of the Deployment: those of the replicas that run beside the cluster. */
  readonly env?: Readonly<Record<string, string>>;
  /** Rendered manifests in place of a folder. */
  readonly rendered?: string;
  /** How kubectl applies them. Default `--server-side --force-conflicts`. */
  readonly flags?: readonly string[];
}

const BASE = join(import.meta.dirname, '../../manifests/base');

/** Applies the manifests, waits for their ServiceAccounts, and returns what was applied. */
export async function installManifests(cluster: Cluster, options: InstallOptions): Promise<string> {
  const { folder = BASE, flags = ['--server-side', '--force-conflicts'] } = options;
  const rendered = options.rendered ?? (await cluster.kubectl(['kustomize', folder]));
  const objects = parseAllDocuments(rendered).map((document) => document.toJS() as KubeObject);
  for (const object of objects) adapt(object, options);
  const yaml = objects.map((object) => stringify(object, { version: '1.1' })).join('---\n');
  await cluster.kubectl(['apply', ...flags, '-f', '-'], yaml);
  await Promise.all(
    objects
      .filter((object) => object.kind === 'ServiceAccount')
      .map(({ metadata: { name, namespace } }) =>
        until(`ServiceAccount ${namespace}/${name} exists`, () =>
          cluster.admin.get({ resource: ServiceAccounts, namespace, name }),
        ),
      ),
  );
  return yaml;
}

function adapt(object: KubeObject, { webhookUrl, env = {} }: InstallOptions): void {
  if (object.kind === 'MutatingWebhookConfiguration') {
    for (const webhook of object.webhooks as Array<{ clientConfig: { service?: unknown; url?: string } }>) {
      delete webhook.clientConfig.service;
      webhook.clientConfig.url = webhookUrl;
    }
  }
  if (object.kind === 'Deployment') adaptDeployment(object.spec as DeploymentSpec, env);
}

interface DeploymentSpec {
  replicas: number;
  template: { spec: { containers: Array<{ env: Array<{ name: string; value?: string }> }> } };
}

function adaptDeployment(spec: DeploymentSpec, env: Readonly<Record<string, string>>): void {
  spec.replicas = 0;
  for (const container of spec.template.spec.containers) {
    const kept = container.env.filter(({ name }) => !(name in env));
    container.env = [...kept, ...Object.entries(env).map(([name, value]) => ({ name, value }))];
  }
}
