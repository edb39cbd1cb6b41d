/** The commands and manifests in the documents, on a real API server with three validators. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { binary } from '../cluster/control-plane.ts';
import type { Scene } from '../cluster/scene.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { blocksIn, commandsIn, pagesOfTheRepository, textOf } from '../tidy/markdown.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = pagesOfTheRepository().filter((page) => !page.startsWith('docs/decisions/'));
/** A placeholder, which stands for a name or a folder of the reader. */
const PLACEHOLDER = /\b(POD|NAME|NS)\b|<|\{\}|[…]| -k \.(\s|$)|pod\.yaml/;
/**
 * Commands for the upstream operator and cert-manager, which are not in this cluster, and commands that install everything,
 * which other tests run (here the webhook is reached by URL).
 */
const ELSEWHERE = /stellar-system|certificates$|apply (-k manifests\/|-f$|-f dist\/)/;

const READS = /^kubectl (-n \S+ )?(get|describe|auth can-i) /;
const WRITES = /^kubectl (-n \S+ )?(annotate|delete|scale|set env|create|label|patch|apply) /;

const commands = (kind: RegExp): string[] => [
  ...new Set(
    PAGES.flatMap((page) => commandsIn(textOf(page)))
      .map((command) => command.replace(/ > \/dev\/null$/, ''))
      .filter((command) => kind.test(command) && !PLACEHOLDER.test(command) && !ELSEWHERE.test(command)),
  ),
];

interface Manifest {
  readonly page: string;
  readonly yaml: string;
}

/** The YAML blocks that are whole objects. Blocks with a part of an object are tested without a cluster. */
const manifests = (): Manifest[] =>
  PAGES.flatMap((page) =>
    blocksIn(textOf(page))
      .filter(({ language }) => language === 'yaml')
      .map(({ text }) => ({ page, yaml: text }))
      .filter(({ yaml }) => {
        const objects = parseAllDocuments(yaml).map(
          (document) => document.toJS() as Record<string, unknown> | null,
        );
        return objects.every(
          (object) => object?.apiVersion && object.metadata && object.kind !== 'Kustomization',
        );
      }),
  );

describe('on a cluster with three validators', () => {
  let scene: Scene;

  const type = async (command: string): Promise<string | undefined> => {
    const env = {
      PATH: `${dirname(binary('kubectl'))}:${join(ROOT, 'bin')}:${process.env.PATH}`,
      KUBECONFIG: scene.cluster.kubeconfigPath,
      HOME: scene.cluster.dir,
    };
    try {
      await promisify(execFile)('/bin/sh', ['-ec', command], { cwd: ROOT, env });
      return undefined;
    } catch (error) {
      const { stderr = '' } = error as { stderr?: string };
      return `${command}\n  ${stderr.replaceAll(/^Warning: .*\n/gm, '').trim()}`;
    }
  };
  /** The failures of these commands. An object that is missing or exists already is no failure: the pages allow both. */
  const failures = async (all: readonly string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const command of all) found.push((await type(command)) ?? '');
    return found.filter(
      (failure) => failure !== '' && !/NotFound|no resources found|already exists/i.test(failure),
    );
  };

  before(async () => {
    scene = await sharedScene({ replicas: 1 });
    await scene.start();
    await type('kubectl apply -f examples/three-validators/validators.yaml');
    await scene.pods.until('the three validators are Ready', (pods) =>
      [1, 2, 3].every((number) => pods.isReady(`stellar/validator-${number}-0`)),
    );
  });
  after(async () => {
    await scene?.stop();
  });

  it('every read command in the documents works with kubectl', async () => {
    const asked = commands(READS);
    assert.ok(asked.length > 30, `${asked.length}`);
    assert.deepEqual(await failures(asked), []);
  });

  it('the API server accepts every change in the documents', async () => {
    const made = commands(WRITES);
    assert.ok(made.length > 10, `${made.length}`);
    assert.deepEqual(await failures(made.map((command) => `${command} --dry-run=server`)), []);
  });

  it('the API server accepts every whole manifest in the documents', async () => {
    const shown = manifests();
    assert.ok(shown.length >= 3, `${shown.length}`);
    const flags = ['--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-f', '-'];
    for (const { page, yaml } of shown) {
      // A Deployment without a selector is a patch for the overlay of the reader.
      if (/^kind: Deployment$/m.test(yaml) && !yaml.includes('selector:')) {
        await scene.cluster.kubectl([
          '-n',
          'stellar-peers',
          'patch',
          'deployment',
          'stellar-peers',
          '--dry-run=server',
          '-p',
          yaml,
        ]);
        continue;
      }
      await assert.doesNotReject(scene.cluster.kubectl(['apply', ...flags], yaml), `${page}:\n${yaml}`);
    }
  });

  it('these tests notice a command that kubectl refuses', async () => {
    const wrong = `kubectl -n stellar get pods -o jsonpath='{.items[*}'`;
    assert.equal((await failures([wrong])).length, 1);
  });
});
