/**
 * A real Prometheus beside the test cluster. It scrapes replicas and evaluates our alerts with shortened times.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster/boot.ts';
import type { Child } from '../cluster/keeper.ts';
import { freePorts } from '../cluster/ports.ts';
import type { Replica } from '../cluster/replica.ts';
import { until } from '../cluster/until.ts';

const RULES = join(import.meta.dirname, '../../manifests/monitoring/alerts.yaml');
const INTERVAL = '500ms';

/** The rules with seconds in place of hours, for a test that lasts minutes. */
function shortened(rules: string): string {
  return rules
    .replaceAll(/^( +for: ).*$/gm, '$11s')
    .replaceAll('[10m]', '[10s]')
    .replaceAll('staleness_seconds > 60', 'staleness_seconds > 2')
    .replaceAll('> 86400', '> 2');
}

const config = (folder: string): string => `
global: { scrape_interval: ${INTERVAL}, scrape_timeout: ${INTERVAL}, evaluation_interval: ${INTERVAL} }
rule_files: ["${join(folder, 'alerts.yaml')}"]
scrape_configs:
  - job_name: stellar-peers
    honor_labels: true
    file_sd_configs: [{ files: ["${join(folder, 'targets.json')}"] }]
`;

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
}

export class Prometheus {
  readonly #folder: string;
  readonly #port: number;
  readonly #startedAtMs = Date.now();
  readonly child: Child;
  /** Names of the alerts that were seen firing. */
  readonly fired = new Set<string>();

  private constructor(cluster: Cluster, port: number) {
    this.#folder = join(cluster.dir, 'data', 'prometheus');
    this.#port = port;
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, 'alerts.yaml'), shortened(readFileSync(RULES, 'utf8')));
    writeFileSync(join(this.#folder, 'prometheus.yaml'), config(this.#folder));
    this.scrape([]);
    this.child = cluster.keeper.start('prometheus', 'prometheus', [
      `--config.file=${join(this.#folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(this.#folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
  }

  /** Starts Prometheus. Resolves when it answers. It ends with the cluster. */
  static async start(cluster: Cluster): Promise<Prometheus> {
    const [port = 0] = await freePorts(1);
    const prometheus = new Prometheus(cluster, port);
    await until(`Prometheus is ready (log: ${prometheus.child.logPath})`, async () => {
      const { ok } = await fetch(`http://127.0.0.1:${port}/-/ready`);
      return ok;
    });
    return prometheus;
  }

  /** Sets the replicas to scrape. */
  scrape(replicas: readonly Replica[]): void {
    const targets = replicas.map(({ name, httpPort }) => ({
      targets: [`127.0.0.1:${httpPort}`],
      labels: { instance: name },
    }));
    const path = join(this.#folder, 'targets.json');
    // Prometheus reads the file after each change, and must never read half of it.
    writeFileSync(`${path}.new`, JSON.stringify(targets));
    renameSync(`${path}.new`, path);
  }

  async #get(path: string, query: Readonly<Record<string, string>>): Promise<Sample[]> {
    const answer = await fetch(`http://127.0.0.1:${this.#port}/api/v1/${path}?${new URLSearchParams(query)}`);
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data: { result: Sample[] };
    };
    if (status !== 'success') throw new Error(`${query.query}: ${error}`);
    return data.result;
  }

  /** Series that a query has now. */
  query(expr: string): Promise<Sample[]> {
    return this.#get('query', { query: expr });
  }

  /** Series that a query had at any second since the start. */
  everSince(expr: string): Promise<Sample[]> {
    const [start = '', end = ''] = [this.#startedAtMs, Date.now()].map((ms) => String(ms / 1000));
    return this.#get('query_range', { query: expr, start, end, step: '1' });
  }

  /** Names of the alerts that fire now, in order. */
  async firing(): Promise<string[]> {
    const samples = await this.query('count by (alertname) (ALERTS{alertstate="firing"})');
    return samples.map(({ metric }) => (metric.alertname ?? '').replace('StellarPeers', '')).sort();
  }

  /** Waits until the alert fires. Resolves to its labels. */
  async untilFires(name: string): Promise<Readonly<Record<string, string>>> {
    const labels = await until(
      `the alert ${name} fires`,
      async () =>
        (await this.query(`ALERTS{alertname="StellarPeers${name}",alertstate="firing"}`))[0]?.metric,
      { deadlineMs: 60_000, everyMs: 200 },
    );
    this.fired.add(name);
    return labels;
  }

  /** Waits until the alert does not fire any more. */
  async untilResolves(name: string): Promise<void> {
    const gone = async () => !(await this.firing()).includes(name);
    await until(`the alert ${name} is over`, gone, { deadlineMs: 60_000, everyMs: 200 });
  }
}
