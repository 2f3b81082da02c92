/** A line of the table: what was measured, and what ARCHITECTURE.md sets as the goal. */
export interface Row {
  what: string;
  objects: number;
  value: string;
  goal?: string;
  cpu?: string;
  note?: string;
}

export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function toMarkdown(rows: Row[]): string {
  const lines = rows.map((row) =>
    [row.what, number(row.objects), row.value, row.goal ?? '', row.cpu ?? '', row.note ?? ''].join(' | '),
  );
  return [
    'what | objects | measured | goal | CPU of the API server | 99th percentile',
    '--- | ---: | ---: | ---: | ---: | ---:',
    ...lines,
  ]
    .map((line) => `| ${line} |`)
    .join('\n');
}
