/**
 * `make cluster`: boots a cluster with the stand-in operator and keeps it until Ctrl-C. `INSTALL=yes` installs
 * stellar-peers too, with two replicas. `.run/cluster.env` gets the variables with which a shell uses the cluster.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary } from './control-plane.ts';
import { createScene, type Scene, SHORT } from './scene.ts';
import { installToTry, readyText } from './try-out.ts';

const ROOT = join(import.meta.dirname, '../..');
const ENV_FILE = join(ROOT, '.run/cluster.env');
const install = (process.env.INSTALL ?? '') !== '';

/** The shell file to source: the cluster, kubectl, our command, and the settings of the replicas. */
function writeEnvironment({ cluster }: Scene): void {
  const settings = Object.entries(install ? SHORT : {}).map(([name, value]) => `export ${name}=${value}\n`);
  const path = `${join(binary('kubectl'), '..')}:${join(ROOT, 'bin')}`;
  mkdirSync(join(ROOT, '.run'), { recursive: true });
  writeFileSync(
    ENV_FILE,
    `export KUBECONFIG='${cluster.kubeconfigPath}'\nexport PATH='${path}':"$PATH"\n${settings.join('')}`,
  );
}

const stopAsked = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve);
});

const startedAtMs = performance.now();
process.stdout.write('booting etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok …\n');
const scene = await createScene();
if (install)
  process.stdout.write('installing stellar-peers, until `stellar-peers check` finds nothing wrong …\n');
const pages = install ? await installToTry(scene) : undefined;
writeEnvironment(scene);
const tookMs = performance.now() - startedAtMs;
process.stdout.write(readyText({ tookMs, logs: join(scene.cluster.dir, 'logs'), pages }));
await stopAsked;
process.stdout.write('\nstopping\n');
rmSync(ENV_FILE, { force: true });
await scene.replicas?.stop();
await scene.stop();
