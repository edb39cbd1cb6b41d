/**
 * The webhook configuration that manifests/base installs, as the reconciler would read it. A test compares the two.
 */

import { OPT_OUT_EXPRESSION } from '../../peers/injection/selectors.ts';
import {
  INJECTION,
  INJECTION_DISABLED,
  LABEL_NODE_TYPE,
  NODE_TYPE_VALIDATOR,
  WEBHOOK_ENTRY,
  WEBHOOK_PATH,
  WEBHOOK_SERVICE,
} from '../../peers/names.ts';
import type { WebhookFacts } from '../../peers/world.ts';

const HOME = 'stellar-peers';

/** The configuration as it would be if it were made at `createdAtMs`. */
export const shippedWebhook = (createdAtMs: number): WebhookFacts => ({
  createdAtMs,
  entries: [
    {
      name: WEBHOOK_ENTRY,
      takesPods: true,
      namespaceSelector: {
        matchLabels: {},
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', HOME] },
          { key: INJECTION, operator: 'NotIn', values: [INJECTION_DISABLED] },
        ],
      },
      objectSelector: { matchLabels: { [LABEL_NODE_TYPE]: NODE_TYPE_VALIDATOR }, matchExpressions: [] },
      matchConditions: [OPT_OUT_EXPRESSION],
      url: undefined,
      service: { namespace: HOME, name: WEBHOOK_SERVICE, path: WEBHOOK_PATH, port: 443 },
      caBundle: '',
    },
  ],
});
