/** Says in words why a file cannot be read. */

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'you may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
};

/** The words for an error of reading a file; for any other error, its message. */
export const wordsOfReadError = (cause: unknown): string =>
  WORDS[String((cause as NodeJS.ErrnoException).code)] ??
  (cause instanceof Error ? cause.message : String(cause));
