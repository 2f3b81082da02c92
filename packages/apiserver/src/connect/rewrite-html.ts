import { Transform, type TransformCallback } from 'node:stream';

/** Attributes that hold a URL, by element. */
const urlAttributes: Record<string, string[]> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  track: ['src'],
  video: ['poster', 'src'],
};

/** Elements whose content is text, whatever it looks like. */
const rawText = new Set(['script', 'style', 'textarea', 'title']);
/** A tag longer than this is passed on as it is. */
const longestTag = 64 * 1024;

/**
 * Rewrites the URLs in a page's attributes as it streams by. Bytes that are no such URL stay as they are, whatever the
 * page's encoding (one that has ASCII in it).
 */
export class HtmlRewriter extends Transform {
  private pending = '';
  /** What ends the text that is being passed on: `-->` of a comment, `</script` of a script. */
  private until: string | undefined;

  constructor(private readonly rewrite: (url: string) => string) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.pending += chunk.toString('latin1');
    done(null, Buffer.from(this.readyPart(), 'latin1'));
  }

  override _flush(done: TransformCallback): void {
    done(null, Buffer.from(this.readyPart() + this.pending, 'latin1'));
  }

  /** Takes what is complete off the pending text. */
  private readyPart(): string {
    let out = '';
    for (;;) {
      const part = this.until ? this.skipText(this.until) : this.nextTag();
      if (part === undefined) return out;
      out += part;
    }
  }

  private skipText(until: string): string | undefined {
    const at = this.pending.toLowerCase().indexOf(until);
    // The end of the text may hold the beginning of what ends it.
    const length = at >= 0 ? at : this.pending.length - until.length;
    if (at >= 0) this.until = undefined;
    return length > 0 || at >= 0 ? this.cut(Math.max(length, 0)) : undefined;
  }

  private nextTag(): string | undefined {
    const at = this.pending.indexOf('<');
    if (at !== 0) return this.pending === '' ? undefined : this.cut(at < 0 ? this.pending.length : at);
    if ('<!--'.startsWith(this.pending.slice(0, 4))) {
      if (this.pending.length < 4) return undefined;
      this.until = '-->';
      return this.cut(4);
    }
    if (this.pending.length < 2) return undefined;
    if (!/^<[a-zA-Z]/.test(this.pending)) return this.cut(1);
    const tag = /^<([a-zA-Z][^\s/>]*)(?:[^>"']|"[^"]*"|'[^']*')*>/.exec(this.pending);
    if (!tag) return this.pending.length > longestTag ? this.cut(1) : undefined;
    const element = (tag[1] ?? '').toLowerCase();
    if (rawText.has(element)) this.until = `</${element}`;
    return this.rewriteTag(element, this.cut(tag[0].length));
  }

  private rewriteTag(element: string, tag: string): string {
    const names = urlAttributes[element];
    if (!names) return tag;
    return tag.replace(
      /([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'=<>`]+)/g,
      (whole, name: string, equals: string, value: string) => {
        if (!names.includes(name.toLowerCase())) return whole;
        const quote = /^["']/.test(value) ? value.charAt(0) : '';
        const url = quote ? value.slice(1, -1) : value;
        return `${name}${equals}${quote}${this.rewrite(url)}${quote}`;
      },
    );
  }

  private cut(length: number): string {
    const part = this.pending.slice(0, length);
    this.pending = this.pending.slice(length);
    return part;
  }
}
