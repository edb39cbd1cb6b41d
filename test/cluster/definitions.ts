/** Makes the kinds of a file of CustomResourceDefinitions known to a test cluster. */
import { until } from './until.ts';

type Kubectl = (args: readonly string[]) => Promise<string>;

interface Definition {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
  };
}

const isEstablished = ({ status }: Definition): boolean =>
  status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false;

/**
 * Applies the CustomResourceDefinitions of the file at `path`, and resolves when all of their kinds are served. Rejects
 * after 30 s. `kubectl wait` fails at once on a definition whose conditions are still `null`, as those of a new one are.
 */
export async function define(kubectl: Kubectl, path: string): Promise<void> {
  await kubectl(['apply', '--server-side', '-f', path]);
  await until(`the kinds of ${path} are served`, async () => {
    const found = JSON.parse(await kubectl(['get', '-f', path, '-o', 'json'])) as Definition & {
      readonly items?: readonly Definition[];
    };
    return (found.items ?? [found]).every(isEstablished);
  });
}
