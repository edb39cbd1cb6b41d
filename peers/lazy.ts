/** The value that `make` returns, made at the first use. */
export function lazy<T extends object | number>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
