/*
 * resource.Quantity: an exact decimal number with a suffix. Kept as an integer of nano-units (n), because Kubernetes
 * rounds anything finer up to 1n; the format is kept so that canonical output stays in the client's notation.
 */

type Format = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

const nano = 1_000_000_000n;
const syntax = /^([+-]?)(\d+|\d+\.\d*|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$/;
const decimalPower: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binaryPower: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

/** Go's text for a quantity that does not parse. */
export const quantityFormatError =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Go caps at 2^63-1 (in units). */
const maxUnits = (1n << 63n) - 1n;

function divideRoundUp(a: bigint, b: bigint): bigint {
  const q = a / b;
  if (a % b === 0n) return q;
  // Away from zero, as Quantity.RoundUp does.
  return a > 0n ? q + 1n : q - 1n;
}

/** An exact quantity. Immutable. */
export class Quantity {
  private constructor(
    private readonly nanos: bigint,
    private readonly format: Format,
  ) {}

  static readonly zero = new Quantity(0n, 'DecimalSI');

  /** @throws Error with Kubernetes' text when it does not parse. */
  static parse(input: string | number): Quantity {
    const text = String(input);
    if (text === '') throw new Error(quantityFormatError);
    const m = syntax.exec(text);
    if (!m) {
      throw new Error(
        /^[+-]?[\d.]+/.test(text) && /^[+-]?(\d+\.?\d*|\.\d+)[A-Za-z]+/.test(text)
          ? "unable to parse quantity's suffix"
          : quantityFormatError,
      );
    }
    const suffix = m[3] ?? '';
    const [whole = '', frac = ''] = (m[2] ?? '').split('.');
    let value = BigInt(`${whole}${frac}` || '0');
    let exponent = -frac.length + 9;
    let format: Format = 'DecimalSI';
    const bin = binaryPower[suffix];
    if (bin !== undefined) {
      format = 'BinarySI';
      value <<= BigInt(bin);
    } else if (/^[eE]./.test(suffix)) {
      format = 'DecimalExponent';
      const e = Number(suffix.slice(1));
      exponent += Math.max(-10_000, Math.min(10_000, e));
    } else exponent += decimalPower[suffix] ?? 0;
    // Values beyond the cap need no exact power.
    if (value === 0n) exponent = 0;
    let nanos: bigint;
    if (exponent >= 0) nanos = exponent > 60 ? maxUnits * nano : value * 10n ** BigInt(exponent);
    else nanos = -exponent > 4000 ? 1n : divideRoundUp(value, 10n ** BigInt(-exponent));
    if (nanos > maxUnits * nano) nanos = maxUnits * nano;
    if (m[1] === '-') nanos = -nanos;
    // Kubernetes prints binary suffixes only from 1024 up; smaller or fractional values become decimal.
    if (format === 'BinarySI' && nanos > -1024n * nano && nanos < 1024n * nano) format = 'DecimalSI';
    return new Quantity(nanos, format);
  }

  /** Undefined instead of an error. */
  static tryParse(input: unknown): Quantity | undefined {
    if (typeof input !== 'string' && typeof input !== 'number') return undefined;
    try {
      return Quantity.parse(input);
    } catch {
      return undefined;
    }
  }
  /** Parses; absent or null is zero. */
  static parseOrZero(input: string | number | null | undefined): Quantity {
    return input === undefined || input === null ? Quantity.zero : Quantity.parse(input);
  }
  static fromValue(units: bigint | number, format: Format = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(units) * nano, format);
  }
  static fromMilli(milli: bigint | number, format: Format = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(milli) * 1_000_000n, format);
  }

  cmp(o: Quantity): number {
    return this.nanos < o.nanos ? -1 : this.nanos > o.nanos ? 1 : 0;
  }
  equals(o: Quantity): boolean {
    return this.nanos === o.nanos;
  }
  add(o: Quantity): Quantity {
    return new Quantity(this.nanos + o.nanos, this.nanos === 0n ? o.format : this.format);
  }
  sub(o: Quantity): Quantity {
    return new Quantity(this.nanos - o.nanos, this.nanos === 0n ? o.format : this.format);
  }
  neg(): Quantity {
    return new Quantity(-this.nanos, this.format);
  }
  max(o: Quantity): Quantity {
    return this.cmp(o) >= 0 ? this : o;
  }
  isZero(): boolean {
    return this.nanos === 0n;
  }
  sign(): number {
    return this.nanos < 0n ? -1 : this.nanos > 0n ? 1 : 0;
  }
  /** Units, rounded up (away from zero). */
  value(): bigint {
    return divideRoundUp(this.nanos, nano);
  }
  /** Thousandths, rounded up (away from zero). */
  milliValue(): bigint {
    return divideRoundUp(this.nanos, 1_000_000n);
  }
  /** As a float; may lose precision. */
  asNumber(): number {
    return Number(this.nanos / nano) + Number(this.nanos % nano) / 1e9;
  }

  /** Canonical form: no fraction, the largest suffix that keeps it exact. */
  toString(): string {
    if (this.nanos === 0n) return '0';
    const sign = this.nanos < 0n ? '-' : '';
    const abs = this.nanos < 0n ? -this.nanos : this.nanos;
    if (this.format === 'BinarySI' && abs >= 1024n * nano) {
      // Binary notation has no fractions: rounded up to a unit.
      let v = divideRoundUp(abs, nano);
      let p = 0;
      while (p < 60 && v % 1024n === 0n) {
        v /= 1024n;
        p += 10;
      }
      const suffix = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'][p / 10] ?? '';
      return `${sign}${v}${suffix}`;
    }
    let v = abs;
    let e = -9;
    while (e < 18 && v % 1000n === 0n) {
      v /= 1000n;
      e += 3;
    }
    if (this.format === 'DecimalExponent') return `${sign}${v}${e === 0 ? '' : `e${e}`}`;
    const suffix = {
      '-9': 'n',
      '-6': 'u',
      '-3': 'm',
      '0': '',
      '3': 'k',
      '6': 'M',
      '9': 'G',
      '12': 'T',
      '15': 'P',
      '18': 'E',
    }[String(e)];
    return `${sign}${v}${suffix ?? ''}`;
  }
  toJSON(): string {
    return this.toString();
  }
}
