const NEEDS_QUOTES = /[^\w@%+=:,./-]/;

/** Quotes a word as iptables-save does: only if needed, with backslashes before quotes and backslashes. */
export function quote(word: string): string {
  if (word !== '' && !NEEDS_QUOTES.test(word)) return word;
  return `"${word.replace(/["\\]/g, '\\$&')}"`;
}

/** A word of a rule line. Quoted words are never options, whatever they look like. */
export interface Word {
  text: string;
  quoted: boolean;
}

/** Splits a rule line into words, undoing quotes. Throws on a quote that is not closed. */
export function splitWords(line: string): Word[] {
  const words: Word[] = [];
  let i = 0;
  while (i < line.length) {
    if (line[i] === ' ' || line[i] === '\t') {
      i++;
      continue;
    }
    let text = '';
    let quoted = false;
    let open = '';
    for (; i < line.length; i++) {
      const c = line[i] as string;
      if (open) {
        if (c === '\\' && i + 1 < line.length) text += line[++i];
        else if (c === open) open = '';
        else text += c;
      } else if (c === '"' || c === "'") {
        open = c;
        quoted = true;
      } else if (c === ' ' || c === '\t') break;
      else text += c;
    }
    if (open) throw new Error(`quote not closed: ${line}`);
    words.push({ text, quoted });
  }
  return words;
}
