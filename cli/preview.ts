/**
 * `stellar-peers preview`: what admission would do to a pod or StatefulSet, without a cluster.
 */
import { PreviewError, preview } from '../webhook/preview.ts';
import type { Call, Command } from './command.ts';
import { EXIT, type ExitCode, ProblemError, UsageError } from './exit.ts';

export const previewCommand: Command = {
  name: 'preview',
  synopsis: '-f POD.yaml',
  summary: 'what admission would do to a pod or StatefulSet, without a cluster',
  details: '',
  args: { min: 0, max: 0 },
  flags: ['filename', 'node'],
  formats: [],
  run: async (call) => runPreview(call),
};

function runPreview({ flags: { filename, node }, terminal }: Call): ExitCode {
  if (filename === undefined) throw new UsageError('preview needs a manifest: -f POD.yaml');
  const text = terminal.read(filename);
  try {
    terminal.print(preview(text, { node }));
  } catch (error) {
    if (error instanceof PreviewError) throw new ProblemError(error.message, { cause: error });
    throw error;
  }
  return EXIT.ok;
}
