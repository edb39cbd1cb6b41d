/** Renders the findings of `check`: as text for people, as JSON or YAML for programs. Pure. */
import { greatestOf } from '../../peers/lists.ts';
import type { Format } from '../command.ts';
import { inFormat } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { counted, type Finding } from './check.ts';

type Paint = Terminal['paint'];
type Colour = Parameters<Paint>[0];

const MARKS: Readonly<Record<Finding['verdict'], { readonly mark: string; readonly colour: Colour }>> = {
  ok: { mark: '✓', colour: 'green' },
  warning: { mark: '!', colour: 'yellow' },
  problem: { mark: '✗', colour: 'red' },
  skipped: { mark: '-', colour: 'dim' },
};

export type Summary = Readonly<Record<Finding['verdict'], number>>;

export function summaryOf(findings: readonly Finding[]): Summary {
  const count = (wanted: Finding['verdict']) => findings.filter(({ verdict }) => verdict === wanted).length;
  return { ok: count('ok'), warning: count('warning'), problem: count('problem'), skipped: count('skipped') };
}

/** The findings in the format `format`. */
export function renderCheck(findings: readonly Finding[], format: Format, paint: Paint): string {
  const data = { checks: findings, summary: summaryOf(findings) };
  return inFormat(format, data, () => renderTable(findings, format === 'wide', paint));
}

function renderTable(findings: readonly Finding[], isWide: boolean, paint: Paint): string {
  const idWidth = greatestOf(findings.map(({ id }) => id.length));
  const labelOf = ({ id, title }: Finding) => (isWide ? `${id.padEnd(idWidth)}  ${title}` : title);
  const width = greatestOf(findings.map((finding) => labelOf(finding).length));
  const line = (finding: Finding) => {
    const { mark, colour } = MARKS[finding.verdict];
    const hint = finding.hint === undefined ? '' : `\n    > ${finding.hint}`;
    return `  ${paint(colour, mark)} ${labelOf(finding).padEnd(width)}  ${finding.found}${hint}\n`;
  };
  const blocks = [...Map.groupBy(findings, ({ category }) => category)].map(
    ([category, own]) => `${paint('bold', category)}\n${own.map(line).join('')}\n`,
  );
  return `${blocks.join('')}${summaryLine(summaryOf(findings), paint)}\n`;
}

function summaryLine({ ok, warning, problem, skipped }: Summary, paint: Paint): string {
  const parts = [
    `${ok} ok`,
    ...(warning === 0 ? [] : [counted(warning, 'warning')]),
    ...(problem === 0 ? [] : [counted(problem, 'problem')]),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
  ];
  const colour = problem > 0 ? 'red' : warning > 0 ? 'yellow' : 'green';
  return paint(colour, `${parts.join(', ')}.`);
}
