/**
 * Data for programs, the same fields in JSON and in YAML; and the choice between that and text for people.
 */
import { stringify } from 'yaml';
import type { Format } from './command.ts';

/** What is printed in that format: `data` as a document for programs, `text` for people. */
export const inFormat = (format: Format, data: unknown, text: () => string): string =>
  format === 'json' || format === 'yaml' ? document(data, format) : text();

/** `value` as one document. In YAML each begins with its mark, so that several can follow each other. */
export const document = (value: unknown, format: 'json' | 'yaml'): string =>
  format === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : `---\n${yamlOf(value)}`;

/**
 * `value` in YAML that kubectl reads as it was meant: Kubernetes takes `on`, `off`, `yes` and `no` without quotes for
 * true and false, as YAML 1.1 does.
 */
export const yamlOf = (value: unknown): string =>
  stringify(value, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 });
