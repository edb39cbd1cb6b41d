/** Writes the files that a test cluster needs: keys, tokens, kubeconfigs, audit policy, kwok's stages. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_POLICY } from './audit.ts';
import { createPki, type Pki } from './pki.ts';
import { kwokStages } from './stages.ts';

export interface ConfigFiles {
  readonly caPem: string;
  /** The kubeconfig of a cluster administrator. */
  readonly kubeconfigPath: string;
}

interface KubeconfigTarget {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  readonly namespace?: string;
}

/** Writes a kubeconfig (JSON is YAML) that only its owner can read. */
export function writeKubeconfig(path: string, target: KubeconfigTarget): string {
  const { server, caPem, token, namespace = 'default' } = target;
  const caData = Buffer.from(caPem).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(kubeconfig, null, 2), { mode: 0o600 });
  return path;
}

/**
 * Writes all files for the components of the control plane into `configDir`. `nodes` has the token of each kubelet by the
 * name of its node.
 */
export function writeConfig(
  configDir: string,
  server: string,
  readyDelayMs: number,
  nodes: Readonly<Record<string, string>> = {},
): ConfigFiles {
  mkdirSync(configDir, { recursive: true });
  const pki: Pki = createPki();
  const [adminToken, controllersToken] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const files: Record<string, string> = {
    'ca.crt': pki.caPem,
    'apiserver.crt': pki.certPem,
    'apiserver.key': pki.keyPem,
    'service-accounts.key': pki.tokenKeyPem,
    'tokens.csv': [
      `${adminToken},admin,admin,"system:masters"`,
      `${controllersToken},controllers,controllers,"system:masters"`,
      ...Object.entries(nodes).map(([name, token]) => `${token},system:node:${name},${name},"system:nodes"`),
      '',
    ].join('\n'),
    'audit-policy.json': JSON.stringify(AUDIT_POLICY, null, 2),
    'kwok.json': kwokStages(readyDelayMs)
      .map((stage) => JSON.stringify(stage, null, 2))
      .join('\n---\n'),
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(configDir, name), text, { mode: 0o600 });
  }
  const target = { server, caPem: pki.caPem };
  writeKubeconfig(join(configDir, 'controllers.kubeconfig'), { ...target, token: controllersToken });
  const kubeconfigPath = writeKubeconfig(join(configDir, 'admin.kubeconfig'), {
    ...target,
    token: adminToken,
  });
  return { caPem: pki.caPem, kubeconfigPath };
}
