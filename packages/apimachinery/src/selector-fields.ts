export interface FieldRequirement {
  field: string;
  op: '=' | '!=';
  value: string;
}

/** A parsed field selector: `metadata.name=x,status.phase!=Running`. */
export interface FieldSelector {
  /** Matches everything. */
  readonly empty: boolean;
  readonly requirements: FieldRequirement[];
  matches(fields: Record<string, string>): boolean;
  /** The value that the selector pins the field to. */
  requiresExactMatch(field: string): string | undefined;
  toString(): string;
}

class Fields implements FieldSelector {
  constructor(readonly requirements: FieldRequirement[]) {}
  get empty(): boolean {
    return this.requirements.length === 0;
  }
  matches(fields: Record<string, string>): boolean {
    return this.requirements.every((r) => ((fields[r.field] ?? '') === r.value) === (r.op === '='));
  }
  requiresExactMatch(field: string): string | undefined {
    return this.requirements.find((r) => r.field === field && r.op === '=')?.value;
  }
  toString(): string {
    return this.requirements.map((r) => `${r.field}${r.op}${escapeValue(r.value)}`).join(',');
  }
}

/** Escapes a value for a field selector. */
export const escapeValue = (s: string): string => s.replace(/[\\,=]/g, '\\$&');

function unescapeValue(s: string): string {
  let out = '';
  for (let i = 0; i < s.length; i++) {
    const c = s[i];
    if (c === '\\') {
      const n = s[++i];
      if (n !== '\\' && n !== ',' && n !== '=')
        throw new Error(`invalid field selector: invalid escape sequence: \\${n ?? ''}`);
      out += n;
    } else if (c === ',' || c === '=') {
      throw new Error(`invalid field selector: unescaped character in value: ${c}`);
    } else out += c;
  }
  return out;
}

function splitTerms(text: string): string[] {
  const out: string[] = [];
  let current = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') current += c + (text[++i] ?? '');
    else if (c === ',') {
      out.push(current);
      current = '';
    } else current += c;
  }
  out.push(current);
  return out.filter((t) => t !== '');
}

/** Matches everything. */
export const everyField: FieldSelector = new Fields([]);

/**
 * Parses a field selector.
 * @throws Error `invalid selector: 'X'; can't understand 'Y'`.
 */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    const m = /^((?:[^=!\\]|\\.|!(?!=))*)(!=|==|=)(.*)$/s.exec(term);
    if (!m) throw new Error(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push({ field: m[1] ?? '', op: m[2] === '!=' ? '!=' : '=', value: unescapeValue(m[3] ?? '') });
  }
  return requirements.length === 0 ? everyField : new Fields(requirements);
}
