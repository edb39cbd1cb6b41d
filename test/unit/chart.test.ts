/** The files of the chart, checked without helm. What helm makes of them is tested in test/e2e-more/helm. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Fields, fieldsOf, listOf } from '../../peers/field.ts';

const file = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const text = (path: string): string => readFileSync(file(path), 'utf8');
const yaml = (path: string): Fields => fieldsOf(parse(text(path)));

const CHART = 'manifests/chart';
const values = yaml(`${CHART}/values.yaml`);
const schema = fieldsOf(JSON.parse(text(`${CHART}/values.schema.json`)));

describe('the chart', () => {
  it('has the version of the program, and so have the image in the manifests and the examples in the texts', () => {
    const { version } = fieldsOf(JSON.parse(text('package.json')));
    const { version: chart, appVersion } = yaml(`${CHART}/Chart.yaml`);
    const [image] = listOf(yaml('manifests/base/kustomization.yaml').images);
    assert.deepEqual([chart, appVersion, image?.newTag], [version, version, version]);
    assert.ok(text('README.md').includes(`newTag: ${version}\n`));
  });

  it('has the same values in its defaults and in its schema', () => {
    // `global` is helm's own, for charts within charts; `replicas` is the former name of a value, which has no default.
    const without = ['global', 'replicas'];
    const known = Object.keys(fieldsOf(schema.properties)).filter((name) => !without.includes(name));
    assert.deepEqual(known.sort(), Object.keys(values).sort());
  });

  it('describes each of its values in its README', () => {
    const readme = text(`${CHART}/README.md`);
    const missing = Object.keys(values).filter((name) => !readme.includes(`\`${name}`));
    assert.deepEqual(missing, []);
  });

  it('uses each of its values', () => {
    const folder = `${CHART}/templates`;
    const names = readdirSync(file(folder), { recursive: true, encoding: 'utf8' });
    const templates = names
      .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
      .map((name) => text(`${folder}/${name}`))
      .join('\n');
    const unused = Object.keys(values).filter((name) => !templates.includes(`.Values.${name}`));
    assert.deepEqual(unused, []);
  });
});
