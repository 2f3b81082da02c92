/**
 * `$(NAME)` expansion of env values, commands and arguments: `$$` is a literal `$`, an unknown name stays as it is
 * (the kubelet's third_party/forked/golang/expansion).
 */
export function expand(input: string, lookup: (name: string) => string | undefined): string {
  let out = '';
  let checkpoint = 0;
  for (let cursor = 0; cursor < input.length; cursor++) {
    if (input[cursor] !== '$' || cursor + 1 >= input.length) continue;
    out += input.slice(checkpoint, cursor);
    const next = input[cursor + 1] ?? '';
    if (next === '(') {
      const close = input.indexOf(')', cursor + 2);
      if (close < 0) {
        out += '$(';
        cursor += 1;
      } else {
        const name = input.slice(cursor + 2, close);
        out += lookup(name) ?? `$(${name})`;
        cursor = close;
      }
    } else if (next === '$') {
      out += '$';
      cursor += 1;
    } else {
      out += `$${next}`;
      cursor += 1;
    }
    checkpoint = cursor + 1;
  }
  return out + input.slice(checkpoint);
}

/** Like expand, but an unknown name is an error: for subPathExpr. */
export function expandStrict(input: string, lookup: (name: string) => string | undefined): string {
  const missing: string[] = [];
  const result = expand(input, (name) => {
    const value = lookup(name);
    if (value === undefined) missing.push(name);
    return value;
  });
  if (missing.length > 0)
    throw new Error(`missing value for ${missing.map((name) => JSON.stringify(name)).join(', ')}`);
  return result;
}
