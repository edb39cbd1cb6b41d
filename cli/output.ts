/** Prints data as JSON or YAML for programs, or as text for people. */
import { stringify } from 'yaml';
import type { Format } from './command.ts';

/** The output in a format: `data` as JSON or YAML, or the result of `text` for people. */
export const inFormat = (format: Format, data: unknown, text: () => string): string =>
  format === 'json' || format === 'yaml' ? document(data, format) : text();

/** `value` as one document. A YAML document begins with `---`, so that several can follow each other. */
export const document = (value: unknown, format: 'json' | 'yaml'): string =>
  format === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : `---\n${yamlOf(value)}`;

/** `value` as YAML for kubectl. `on`, `off`, `yes` and `no` get quotes: Kubernetes reads them as in YAML 1.1. */
export const yamlOf = (value: unknown): string =>
  stringify(value, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 });
