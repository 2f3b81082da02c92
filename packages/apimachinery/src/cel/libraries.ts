import { isIP } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js';
import { Quantity } from '../quantity.js';

/*
 * The functions that Kubernetes adds to CEL: strings, lists, sets, regular expressions, URLs, IPs, CIDRs, quantities.
 */

/** Namespaces of functions (`sets.contains`) are constants with a type of their own. */
class Sets {}
class KubeUrl {
  constructor(readonly url: URL) {}
}
class KubeIp {
  constructor(readonly text: string) {}
}
class KubeCidr {
  constructor(
    readonly text: string,
    readonly prefix: number,
  ) {}
}
class KubeQuantity {
  constructor(readonly value: Quantity) {}
}

/** CEL's equality: numbers by value, whatever their type. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const number = (v: unknown) => typeof v === 'bigint' || typeof v === 'number';
  if (number(a) && number(b)) return Number(a) === Number(b);
  return typeof a === 'object' && typeof b === 'object' && JSON.stringify(a, big) === JSON.stringify(b, big);
}
const big = (_k: string, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v);

function lists(env: Environment): void {
  const compare = (a: unknown, b: unknown) =>
    (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
  env.registerFunction('list.isSorted(): bool', (l: unknown[]) =>
    l.every((x, i) => i === 0 || compare(l[i - 1], x) <= 0),
  );
  env.registerFunction('list.min(): dyn', (l: unknown[]) => {
    if (l.length === 0) throw new Error('min called on empty list');
    return l.reduce((a, b) => (compare(b, a) < 0 ? b : a));
  });
  env.registerFunction('list.max(): dyn', (l: unknown[]) => {
    if (l.length === 0) throw new Error('max called on empty list');
    return l.reduce((a, b) => (compare(b, a) > 0 ? b : a));
  });
  env.registerFunction('list.sum(): dyn', (l: (bigint | number)[]) =>
    l.length === 0
      ? 0n
      : l.reduce((a, b) => (typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b))),
  );
  env.registerFunction('list.indexOf(dyn): int', (l: unknown[], x: unknown) => BigInt(l.findIndex((y) => equal(x, y))));
  env.registerFunction('list.lastIndexOf(dyn): int', (l: unknown[], x: unknown) =>
    BigInt(l.findLastIndex((y) => equal(x, y))),
  );
}

function strings(env: Environment): void {
  env.registerFunction('string.charAt(int): string', (s: string, i: bigint) => [...s][Number(i)] ?? '');
  env.registerFunction('string.replace(string, string): string', (s: string, a: string, b: string) =>
    s.replaceAll(a, b),
  );
  env.registerFunction('string.replace(string, string, int): string', (s: string, a: string, b: string, n: bigint) => {
    if (n < 0n) return s.replaceAll(a, b);
    const parts = s.split(a);
    const count = Math.min(Number(n), parts.length - 1);
    return (
      parts.slice(0, count + 1).join(b) +
      parts
        .slice(count + 1)
        .map((p) => a + p)
        .join('')
    );
  });
  env.registerFunction('string.find(string): string', (s: string, p: string) => new RegExp(p).exec(s)?.[0] ?? '');
  env.registerFunction(
    'string.findAll(string): list<string>',
    (s: string, p: string) => s.match(new RegExp(p, 'g')) ?? [],
  );
  env.registerFunction('string.findAll(string, int): list<string>', (s: string, p: string, n: bigint) => {
    const all = s.match(new RegExp(p, 'g')) ?? [];
    return n < 0n ? all : all.slice(0, Number(n));
  });
}

function sets(env: Environment): void {
  env.registerType('kubernetes.Sets', Sets);
  env.registerConstant('sets', 'kubernetes.Sets', new Sets());
  const has = (l: unknown[], x: unknown) => l.some((y) => equal(x, y));
  env.registerFunction('kubernetes.Sets.contains(list, list): bool', (_s: Sets, a: unknown[], b: unknown[]) =>
    b.every((x) => has(a, x)),
  );
  env.registerFunction('kubernetes.Sets.intersects(list, list): bool', (_s: Sets, a: unknown[], b: unknown[]) =>
    b.some((x) => has(a, x)),
  );
  env.registerFunction(
    'kubernetes.Sets.equivalent(list, list): bool',
    (_s: Sets, a: unknown[], b: unknown[]) => a.every((x) => has(b, x)) && b.every((x) => has(a, x)),
  );
}

function urls(env: Environment): void {
  const parse = (s: string) => {
    // Go accepts absolute URLs and absolute paths.
    if (s.startsWith('/')) return new KubeUrl(new URL(s, 'path://'));
    return new KubeUrl(new URL(s));
  };
  env.registerType('kubernetes.URL', KubeUrl);
  env.registerFunction('url(string): kubernetes.URL', parse);
  env.registerFunction('isURL(string): bool', (s: string) => s.startsWith('/') || (URL.canParse(s) && s.includes(':')));
  env.registerFunction('kubernetes.URL.getScheme(): string', (u: KubeUrl) =>
    u.url.protocol === 'path:' ? '' : u.url.protocol.slice(0, -1),
  );
  env.registerFunction('kubernetes.URL.getHost(): string', (u: KubeUrl) => u.url.host);
  env.registerFunction('kubernetes.URL.getHostname(): string', (u: KubeUrl) => u.url.hostname.replace(/^\[|\]$/g, ''));
  env.registerFunction('kubernetes.URL.getPort(): string', (u: KubeUrl) => u.url.port);
  env.registerFunction('kubernetes.URL.getEscapedPath(): string', (u: KubeUrl) => u.url.pathname);
  env.registerFunction('kubernetes.URL.getQuery(): map', (u: KubeUrl) =>
    Object.fromEntries([...new Set(u.url.searchParams.keys())].map((k) => [k, u.url.searchParams.getAll(k)])),
  );
}

function bytesOf(ip: string): bigint {
  if (isIP(ip) === 4) return ip.split('.').reduce((n, p) => n * 256n + BigInt(p), 0n);
  const [head = '', tail] = ip.split('::');
  const groups = (s: string) => (s === '' ? [] : s.split(':'));
  const h = groups(head);
  const t = tail === undefined ? [] : groups(tail);
  const all = tail === undefined ? h : [...h, ...Array<string>(8 - h.length - t.length).fill('0'), ...t];
  return all.reduce((n, g) => (n << 16n) + BigInt(`0x${g}`), 0n);
}

function within(c: KubeCidr, ip: string): boolean {
  if (isIP(c.text) !== isIP(ip)) return false;
  const shift = BigInt((isIP(ip) === 4 ? 32 : 128) - c.prefix);
  return bytesOf(c.text) >> shift === bytesOf(ip) >> shift;
}

function parseCidr(s: string): KubeCidr | undefined {
  const [ip = '', bits = ''] = s.split('/');
  const n = Number(bits);
  return isIP(ip) !== 0 && /^\d+$/.test(bits) && n <= (isIP(ip) === 4 ? 32 : 128) ? new KubeCidr(ip, n) : undefined;
}

function addresses(env: Environment): void {
  env.registerType('kubernetes.IP', KubeIp);
  env.registerType('kubernetes.CIDR', KubeCidr);
  const ip = (s: string) => {
    if (isIP(s) === 0) throw new Error(`IP Address ${JSON.stringify(s)} parse error during conversion from string`);
    return new KubeIp(s);
  };
  const cidr = (s: string) => {
    const c = parseCidr(s);
    if (!c) throw new Error(`network address parse error during conversion from string: ${s}`);
    return c;
  };
  env.registerFunction('ip(string): kubernetes.IP', ip);
  env.registerFunction('isIP(string): bool', (s: string) => isIP(s) !== 0);
  env.registerFunction('kubernetes.IP.family(): int', (x: KubeIp) => BigInt(isIP(x.text)));
  env.registerFunction(
    'kubernetes.IP.isLoopback(): bool',
    (x: KubeIp) => x.text.startsWith('127.') || x.text === '::1',
  );
  env.registerFunction('kubernetes.IP.isUnspecified(): bool', (x: KubeIp) => x.text === '0.0.0.0' || x.text === '::');
  env.registerFunction('cidr(string): kubernetes.CIDR', cidr);
  env.registerFunction('isCIDR(string): bool', (s: string) => parseCidr(s) !== undefined);
  env.registerFunction('kubernetes.CIDR.containsIP(string): bool', (c: KubeCidr, s: string) => within(c, ip(s).text));
  env.registerFunction('kubernetes.CIDR.containsIP(kubernetes.IP): bool', (c: KubeCidr, x: KubeIp) =>
    within(c, x.text),
  );
  env.registerFunction('kubernetes.CIDR.containsCIDR(string): bool', (c: KubeCidr, s: string) => {
    const inner = cidr(s);
    return inner.prefix >= c.prefix && within(c, inner.text);
  });
  env.registerFunction('kubernetes.CIDR.prefixLength(): int', (c: KubeCidr) => BigInt(c.prefix));
  env.registerFunction('kubernetes.CIDR.ip(): kubernetes.IP', (c: KubeCidr) => new KubeIp(c.text));
}

function quantities(env: Environment): void {
  env.registerType('kubernetes.Quantity', KubeQuantity);
  const q = (x: Quantity) => new KubeQuantity(x);
  const on = (signature: string, fn: (a: Quantity, b: Quantity) => unknown) =>
    env.registerFunction(`kubernetes.Quantity.${signature}`, (a: KubeQuantity, b: KubeQuantity) =>
      fn(a.value, b?.value),
    );
  env.registerFunction('quantity(string): kubernetes.Quantity', (s: string) => q(Quantity.parse(s)));
  env.registerFunction('isQuantity(string): bool', (s: string) => Quantity.tryParse(s) !== undefined);
  on('isGreaterThan(kubernetes.Quantity): bool', (a, b) => a.cmp(b) > 0);
  on('isLessThan(kubernetes.Quantity): bool', (a, b) => a.cmp(b) < 0);
  on('compareTo(kubernetes.Quantity): int', (a, b) => BigInt(a.cmp(b)));
  on('add(kubernetes.Quantity): kubernetes.Quantity', (a, b) => q(a.add(b)));
  on('sub(kubernetes.Quantity): kubernetes.Quantity', (a, b) => q(a.sub(b)));
  on('sign(): int', (a) => BigInt(a.sign()));
  on('asInteger(): int', (a) => a.value());
  on('asApproximateFloat(): double', (a) => a.asNumber());
  on('isInteger(): bool', (a) => Quantity.fromValue(a.value()).equals(a));
}

/** Adds Kubernetes' CEL libraries to an environment. */
export function registerKubernetesLibraries(env: Environment): void {
  lists(env);
  strings(env);
  sets(env);
  urls(env);
  addresses(env);
  quantities(env);
}
