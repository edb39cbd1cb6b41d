/**
 * Finds the actions and images that workflows use without a digest: a tag may be moved, a digest names one content. Only a
 * person or bot that has read a digest at its source writes it; until then, the mark below says that it is missing.
 */

/** Follows an action or image whose digest must still be read at its source. */
const MARK = '# digest missing';

const USED = /^\s*(?:-\s+)?(uses|image):\s*(\S+)(.*)$/;
const PINNED = { uses: /@[0-9a-f]{40}$/, image: /@sha256:[0-9a-f]{64}$/ };

/** Each action and image in a workflow without a digest, and each mark that is left. */
export function unpinned(workflow: string): string[] {
  return workflow.split('\n').flatMap((line) => {
    const [, key = '', value = '', rest = ''] = USED.exec(line) ?? [];
    if (value === '' || value.startsWith('./')) return line.includes(MARK) ? [line.trim()] : [];
    const isPinned = PINNED[key === 'uses' ? 'uses' : 'image'].test(value);
    return isPinned && !rest.includes(MARK) ? [] : [value];
  });
}
