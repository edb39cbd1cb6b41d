/**
 * `stellar-peers preview`: what admission would do to a pod or StatefulSet, without a cluster.
 */
import { stringify } from 'yaml';
import { PreviewError, preview, renderPreview } from '../webhook/preview.ts';
import type { Call, Command } from './command.ts';
import { EXIT, type ExitCode, ProblemError, UsageError } from './exit.ts';
import { document } from './output.ts';
import type { Paint } from './terminal.ts';

export const previewCommand: Command = {
  name: 'preview',
  synopsis: '-f POD.yaml',
  summary: 'what admission would do to a pod or StatefulSet, as a diff, without a cluster',
  details:
    'Shown are the lines of the pod that would differ. -o json is the JSON Patch, as admission would answer it; -o ' +
    'yaml is the pod as it would be created. No cluster is asked, so the list of peers is empty.',
  args: { min: 0, max: 0 },
  flags: ['filename', 'node', 'output'],
  formats: ['table', 'json', 'yaml'],
  run: async (call) => runPreview(call),
};

function runPreview({ flags: { filename, node }, format, terminal }: Call): ExitCode {
  if (filename === undefined) throw new UsageError('preview needs a manifest: -f POD.yaml');
  const found = previewOf(terminal.read(filename), node);
  if (format === 'table') terminal.print(coloured(renderPreview(found), terminal.paint));
  else {
    for (const note of found.notes) terminal.say(note);
    terminal.print(format === 'json' ? document(found.patch, 'json') : stringify(found.after));
  }
  return EXIT.ok;
}

function previewOf(text: string, node: string | undefined) {
  try {
    return preview(text, { node });
  } catch (error) {
    if (error instanceof PreviewError) throw new ProblemError(error.message, { cause: error });
    throw error;
  }
}

/** As diffs are coloured everywhere. */
const coloured = (text: string, paint: Paint): string =>
  text.replace(/^\+ .*$/gm, (line) => paint('green', line)).replace(/^- .*$/gm, (line) => paint('red', line));
