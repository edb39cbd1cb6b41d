/** The type of a setting, and the checks that several settings share. */
import { type Static, type TSchema, Type } from 'typebox';

export interface Setting<S extends TSchema = TSchema> {
  readonly env: string;
  readonly schema: S;
  readonly fallback: Static<S>;
  readonly doc: string;
}

export const setting = <S extends TSchema>(
  env: string,
  schema: S,
  fallback: Static<S>,
  doc: string,
): Setting<S> => ({
  env,
  schema,
  fallback,
  doc,
});

export const seconds = (minimum: number, maximum: number) => Type.Number({ minimum, maximum });
export const DAY_SECONDS = 86_400;
export const port = Type.Integer({ minimum: 0, maximum: 65_535 });
/** A text setting. Error messages show the description, because people cannot read the pattern. */
export const text = (pattern: string, description: string) =>
  Type.String({ pattern, description, maxLength: 4096 });
export const dnsName = Type.String({
  pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
  description: 'a DNS name in lower case',
  maxLength: 253,
});
export const dnsNames = text('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?(,|$))*$', 'DNS names with a comma between');
export const oneOf = <const T extends string>(...values: T[]) => Type.Enum(values);
