/** The chart as it is published: with the image, the address of the documents, and what Artifact Hub shows. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parse, stringify } from 'yaml';
import type { Published } from './published.ts';

/** The path of helm, from setup or on PATH; undefined if there is none. */
export function findHelm(root: string): string | undefined {
  const places = [`${root}.cache/bin`, ...(process.env.PATH ?? '').split(':')];
  return places.map((folder) => `${folder}/helm`).find((path) => existsSync(path));
}

/** `repository:tag` or `repository@digest` as the chart's values name them. */
export function chartImage(values: string, image: string): string {
  const [repository = '', digest = ''] = image.split('@');
  const [, name = '', tag = ''] = /^(.+?)(?::([^:/]+))?$/.exec(repository) ?? [];
  const said = { repository: name, tag: digest === '' ? tag : '', digest };
  return Object.entries(said).reduce(
    (text, [key, value]) => text.replace(new RegExp(`^( {2}${key}: ).*$`, 'm'), `$1${value || '""'}`),
    values,
  );
}

/** The values with the address of the documents to which alerts and dashboard lead. */
const withDocuments = (values: string, documents: string): string =>
  values.replace(/^( {2}documents: ).*$/m, `$1${documents}`);

/** Chart.yaml with the addresses of its sources, and the annotations that Artifact Hub shows. */
function chartMetadata(chart: string, { repository, documents, image }: Published): string {
  const metadata = parse(chart) as { annotations?: object };
  const links = [{ name: 'documents', url: documents }];
  const annotations = {
    ...metadata.annotations,
    'artifacthub.io/links': stringify(links),
    ...(image === undefined
      ? {}
      : { 'artifacthub.io/images': stringify([{ name: 'stellar-peers', image }]) }),
  };
  return stringify({ ...metadata, home: repository, sources: [repository], annotations });
}

/** Writes the package of the chart into a folder. */
export function packageChart(
  helm: string,
  { root, target }: { root: string; target: string },
  published: Published,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-chart-'));
  const change = (name: string, edit: (text: string) => string) =>
    writeFileSync(join(folder, name), edit(readFileSync(join(folder, name), 'utf8')));
  try {
    cpSync(`${root}manifests/chart`, folder, { recursive: true });
    const { image, documents } = published;
    change('values.yaml', (values) =>
      withDocuments(image === undefined ? values : chartImage(values, image), documents),
    );
    change('README.md', (text) => text.replaceAll('](../../docs/', `](${documents}/`));
    change('Chart.yaml', (chart) => chartMetadata(chart, published));
    execFileSync(helm, ['package', folder, '-d', target], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
