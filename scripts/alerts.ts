/**
 * Reads the alerts from their file, and makes the object for the Prometheus operator and a table from them.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const FILE = new URL('../manifests/monitoring/alerts.yaml', import.meta.url);

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

/** All alerts, in order. */
export function alertsNow(): Alert[] {
  const { groups } = parse(readFileSync(FILE, 'utf8')) as { groups: Array<{ rules: Alert[] }> };
  return groups.flatMap(({ rules }) => rules);
}

const OBJECT = `# Made of alerts.yaml by \`npm run docs\`; do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: stellar-peers
  namespace: stellar-peers
  labels:
    app.kubernetes.io/name: stellar-peers
spec:
`;

/** The rules file without its opening comment. */
export function rulesFile(): string {
  const text = readFileSync(FILE, 'utf8');
  return text.slice(text.indexOf('groups:'));
}

/** The rules file as a PrometheusRule: the same text, indented. */
export const prometheusRule = (): string => `${OBJECT}${rulesFile().replaceAll(/^(?=.)/gm, '  ')}`;
