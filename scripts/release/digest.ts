/** Prints `digest=sha256:…` of the image in dist/image, by which a registry will name the image. */
import { readFileSync } from 'node:fs';
import process from 'node:process';

const index = JSON.parse(readFileSync(new URL('../../dist/image/index.json', import.meta.url), 'utf8')) as {
  manifests: Array<{ digest: string }>;
};
const [image, ...others] = index.manifests;
if (image === undefined || others.length > 0) throw new Error('dist/image has not exactly one image');
process.stdout.write(`digest=${image.digest}\n`);
