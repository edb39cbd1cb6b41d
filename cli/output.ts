/**
 * Data for programs: the same fields in JSON and in YAML.
 */
import { stringify } from 'yaml';

/** `value` as one document. In YAML each begins with its mark, so that several can follow each other. */
export const document = (value: unknown, format: 'json' | 'yaml'): string =>
  format === 'json'
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : `---\n${stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })}`;
