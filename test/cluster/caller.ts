/** Sends any request, valid or not, to the API server with a kubeconfig's token, and returns the answer. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { COMPONENT } from '../../peers/names.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path with its query, such as `/api/v1/secrets?limit=1`. */
  readonly path: string;
  readonly body?: unknown;
  /** The type of a PATCH. Default JSON Patch. */
  readonly type?: 'json-patch+json' | 'merge-patch+json' | 'strategic-merge-patch+json' | 'apply-patch+yaml';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  /** The API server's message; empty if it gives none. */
  readonly message: string;
}

interface Kubeconfig {
  readonly clusters: ReadonlyArray<{
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }>;
  readonly users: ReadonlyArray<{ readonly user: { readonly token: string } }>;
}

const messageOf = (text: string): string => {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? '';
  } catch {
    return text;
  }
};

/** Calls with the token of a kubeconfig from `serviceAccountKubeconfig`; rejects after 10 s without any data. */
export function callerOf(kubeconfigPath: string): (call: Call) => Promise<Answer> {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
  const { server = '', 'certificate-authority-data': ca = '' } = clusters[0]?.cluster ?? {};
  const token = users[0]?.user.token ?? '';
  return ({ method, path, body, type = 'json-patch+json', headers = {} }) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? '' : JSON.stringify(body);
      // Without a content-length, the body of a DELETE would be read as the next request.
      const fixed = {
        authorization: `Bearer ${token}`,
        // The API server takes the field manager of a write that names none from here.
        'user-agent': COMPONENT,
        'content-type': `application/${method === 'PATCH' ? type : 'json'}`,
        'content-length': Buffer.byteLength(payload),
      };
      const outgoing = request(
        new URL(path, server),
        {
          method,
          ca: Buffer.from(ca, 'base64'),
          timeout: 10_000,
          headers: { ...fixed, ...headers },
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8');
          incoming.on('data', (chunk: string) => {
            text += chunk;
          });
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, message: messageOf(text) }));
          incoming.on('error', reject);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within 10 s: ${method} ${path}`)));
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
}
