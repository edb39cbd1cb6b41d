/**
 * What the workflows take from others without a digest: a tag may be moved, a digest names one content. A digest is only
 * written by a person or bot that has read it at its source; until then the mark below says that it is missing.
 */

/** Behind an action or image whose digest is yet to be read at its source. */
const MARK = '# digest missing';

const USED = /^\s*(?:-\s+)?(uses|image):\s*(\S+)(.*)$/;
const PINNED = { uses: /@[0-9a-f]{40}$/, image: /@sha256:[0-9a-f]{64}$/ };

/** Each action and image in the text of a workflow that no digest pins, and each mark that is left. */
export function unpinned(workflow: string): string[] {
  return workflow.split('\n').flatMap((line) => {
    const [, key = '', value = '', rest = ''] = USED.exec(line) ?? [];
    if (value === '' || value.startsWith('./')) return line.includes(MARK) ? [line.trim()] : [];
    const isPinned = PINNED[key === 'uses' ? 'uses' : 'image'].test(value);
    return isPinned && !rest.includes(MARK) ? [] : [value];
  });
}
