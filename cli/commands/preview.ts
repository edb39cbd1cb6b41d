/** `stellar-peers preview`: what admission would do to a pod or StatefulSet, without a cluster. */
import { type Preview, PreviewError, previews, renderPreview } from '../../webhook/preview/preview.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, ProblemError, UsageError } from '../exit.ts';
import { document, yamlOf } from '../output.ts';
import type { Paint } from '../terminal.ts';

export const previewCommand: Command = {
  name: 'preview',
  synopsis: '-f POD.yaml',
  summary: 'show what admission would do to a pod or StatefulSet, as a diff; needs no cluster',
  details:
    'Shows the lines of the pod that admission would change. -o json prints the JSON Patch that admission ' +
    'would answer, -o yaml the pod as it would be created. The list of peers is empty, because no cluster is ' +
    'asked. The file may hold a List: kubectl get sts -o yaml | stellar-peers preview -f -',
  flags: ['filename', 'node', 'output'],
  formats: ['table', 'json', 'yaml'],
  run: async (call) => runPreview(call),
};

function runPreview({ flags: { filename, node }, format, terminal }: Call): ExitCode {
  if (filename === undefined) throw new UsageError('preview needs a manifest: -f POD.yaml');
  const shown = previewsOf(terminal.read(filename), node);
  if (format === 'table') {
    terminal.print(coloured(shown.map(renderPreview).join('\n'), terminal.paint));
    return EXIT.ok;
  }
  for (const note of shown.flatMap(({ notes }) => notes)) terminal.say(note);
  terminal.print(
    format === 'json' ? patchesIn(shown) : shown.map(({ after }) => yamlOf(after)).join('---\n'),
  );
  return EXIT.ok;
}

/** As JSON: the patch alone if there is one object, otherwise a list of patches with the titles of their objects. */
function patchesIn(shown: readonly Preview[]): string {
  const [first, ...more] = shown;
  if (first && more.length === 0) return document(first.patch, 'json');
  return document(
    shown.map(({ title, node, patch }) => ({ title, node, patch })),
    'json',
  );
}

function previewsOf(text: string, node: string | undefined): readonly Preview[] {
  try {
    return previews(text, { node });
  } catch (error) {
    if (error instanceof PreviewError) throw new ProblemError(error.message, { cause: error });
    throw error;
  }
}

/** A diff with added lines in green and removed lines in red. */
const coloured = (text: string, paint: Paint): string =>
  text.replace(/^\+ .*$/gm, (line) => paint('green', line)).replace(/^- .*$/gm, (line) => paint('red', line));
