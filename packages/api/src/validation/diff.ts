/** The lines of a JSON document, indented. */
const lines = (value: unknown): string[] => (JSON.stringify(value, null, 2) ?? 'null').split('\n');

/**
 * What changed between two values, as `-` and `+` lines with two lines around them; shown in errors about fields that
 * may not change. Common heads and tails are left out, so that cost stays linear.
 */
export function diffText(before: unknown, after: unknown): string {
  const a = lines(before);
  const b = lines(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const context = 2;
  const out = [
    ...a.slice(Math.max(0, head - context), head).map((l) => `  ${l}`),
    ...a.slice(head, a.length - tail).map((l) => `- ${l}`),
    ...b.slice(head, b.length - tail).map((l) => `+ ${l}`),
    ...a.slice(a.length - tail, a.length - tail + context).map((l) => `  ${l}`),
  ];
  return out.length > 200 ? `${out.slice(0, 200).join('\n')}\n  ...` : out.join('\n');
}
