/**
 * Sends requests to a server repeatedly on kept connections, with a load generator: wrk if it is installed, else autocannon,
 * which is slower than the server and reports less.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

export const CONNECTIONS = 16;

export interface Drive {
  readonly reviews: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Generator {
  readonly name: string;
  drive(url: string, seconds: number): Promise<Drive>;
}

const run = promisify(execFile);

/** Prints our own line into the output of wrk. The line begins with `counted`, so that it can be found. */
const REPORT = `
done = function(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read
  io.write(string.format("counted %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), failed + summary.errors.timeout))
end
`;

function wrk(bodyPath: string): Generator {
  const script = `${bodyPath}.lua`;
  const setUp = [
    'wrk.method = "POST"',
    'wrk.headers["Content-Type"] = "application/json"',
    `wrk.body = io.open("${bodyPath}"):read("*a")`,
  ];
  writeFileSync(script, `${setUp.join('\n')}\n${REPORT}`);
  return {
    name: 'wrk',
    drive: async (url, seconds) => {
      const { stdout } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url]);
      const counts = /^counted (.*)$/m.exec(stdout)?.[1]?.split(' ').map(Number) ?? [];
      const [reviews = 0, micros = 1, p50 = 0, p99 = 0, failed = 1] = counts;
      if (failed > 0) throw new Error(`${failed} of ${reviews} requests failed:\n${stdout}`);
      return { reviews, perSecond: (reviews * 1e6) / micros, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
    },
  };
}

function autocannon(bodyPath: string): Generator {
  return {
    name: 'autocannon',
    drive: async (url, seconds) => {
      const request = ['-m', 'POST', '-H', 'content-type=application/json', '-i', bodyPath];
      const args = ['--json', '-c', String(CONNECTIONS), '-d', String(seconds), ...request, url];
      const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
      const { stdout } = await run('autocannon', args, { env });
      const { requests, duration, latency, errors, non2xx } = JSON.parse(stdout);
      if (errors + non2xx > 0) throw new Error(`${errors + non2xx} requests failed: ${stdout}`);
      const reviews = requests.total as number;
      return { reviews, perSecond: reviews / duration, p50Ms: latency.p50, p99Ms: latency.p99 };
    },
  };
}

/** The generator that sends the body in the file. It may write files beside it. */
export async function createGenerator(bodyPath: string): Promise<Generator> {
  const hasWrk = await run('sh', ['-c', 'command -v wrk']).then(
    () => true,
    () => false,
  );
  return hasWrk ? wrk(bodyPath) : autocannon(bodyPath);
}
