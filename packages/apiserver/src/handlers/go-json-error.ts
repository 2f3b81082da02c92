/**
 * What Go's encoding/json says about a text that is no JSON: Kubernetes' answers carry it, and people look for it.
 * Returns undefined for a text that is fine.
 */
export function goJsonError(text: string): string | undefined {
  try {
    const scan = new Scan(text);
    scan.value();
    scan.space();
    if (scan.at < text.length) scan.fail('after top-level value');
    return undefined;
  } catch (error) {
    if (error instanceof ScanError) return error.message;
    throw error;
  }
}

class ScanError extends Error {}

const literals: Record<string, string> = { t: 'true', f: 'false', n: 'null' };

/** A recursive descent over the text; the depth of bodies is bounded before. */
class Scan {
  at = 0;

  constructor(private readonly text: string) {}

  fail(where: string): never {
    const c = this.text.codePointAt(this.at);
    if (c === undefined) throw new ScanError('unexpected end of JSON input');
    throw new ScanError(`invalid character ${quoteChar(String.fromCodePoint(c))} ${where}`);
  }

  space(): void {
    while (/[ \t\r\n]/.test(this.text[this.at] ?? '')) this.at++;
  }

  value(): void {
    this.space();
    const c = this.text[this.at] ?? '';
    if (c === '{') this.object();
    else if (c === '[') this.array();
    else if (c === '"') this.string();
    else if (c === '-' || (c >= '0' && c <= '9')) this.number();
    else if (literals[c]) this.literal(literals[c]);
    else this.fail('looking for beginning of value');
  }

  private object(): void {
    this.at++;
    this.space();
    if (this.text[this.at] === '}') {
      this.at++;
      return;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail('looking for beginning of object key string');
      this.string();
      this.space();
      if (this.text[this.at] !== ':') this.fail('after object key');
      this.at++;
      this.value();
      this.space();
      const c = this.text[this.at];
      if (c !== ',' && c !== '}') this.fail('after object key:value pair');
      this.at++;
      if (c === '}') return;
    }
  }

  private array(): void {
    this.at++;
    this.space();
    if (this.text[this.at] === ']') {
      this.at++;
      return;
    }
    for (;;) {
      this.value();
      this.space();
      const c = this.text[this.at];
      if (c !== ',' && c !== ']') this.fail('after array element');
      this.at++;
      if (c === ']') return;
    }
  }

  private string(): void {
    for (this.at++; ; this.at++) {
      const c = this.text[this.at];
      if (c === '"') break;
      if (c === undefined || c < ' ') this.fail('in string literal');
      if (c === '\\') {
        this.at++;
        const escaped = this.text[this.at];
        if (escaped === undefined || !'"\\/bfnrtu'.includes(escaped)) this.fail('in string escape code');
        if (escaped === 'u') {
          for (let i = 0; i < 4; i++) {
            this.at++;
            if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? '')) this.fail('in \\u hexadecimal character escape');
          }
        }
      }
    }
    this.at++;
  }

  private number(): void {
    const digit = () => /[0-9]/.test(this.text[this.at] ?? '');
    const digits = (where: string) => {
      if (!digit()) this.fail(where);
      while (digit()) this.at++;
    };
    if (this.text[this.at] === '-') this.at++;
    if (this.text[this.at] === '0') this.at++;
    else digits('in numeric literal');
    if (this.text[this.at] === '.') {
      this.at++;
      digits('after decimal point in numeric literal');
    }
    if (/[eE]/.test(this.text[this.at] ?? '')) {
      this.at++;
      if (/[+-]/.test(this.text[this.at] ?? '')) this.at++;
      digits('in exponent of numeric literal');
    }
  }

  private literal(word: string): void {
    for (const expected of word) {
      if (this.text[this.at] !== expected) this.fail(`in literal ${word} (expecting '${expected}')`);
      this.at++;
    }
  }
}

/** A character as Go's quoteChar prints it. */
function quoteChar(c: string): string {
  if (c === "'") return "'\\''";
  if (c === '"') return `'"'`;
  return `'${JSON.stringify(c).slice(1, -1)}'`;
}
