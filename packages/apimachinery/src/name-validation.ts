import { isIP } from 'node:net';

/*
 * Checks of names and strings, after k8s.io/apimachinery/pkg/util/validation. Each returns messages, [] when fine.
 */

const dns1123LabelFmt = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dns1123SubdomainFmt = `${dns1123LabelFmt}(\\.${dns1123LabelFmt})*`;
const dns1035LabelFmt = '[a-z]([-a-z0-9]*[a-z0-9])?';
const wildcardFmt = `\\*\\.${dns1123SubdomainFmt}`;
const qualifiedNameFmt = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValueFmt = `(${qualifiedNameFmt})?`;
const configMapKeyFmt = '[-._a-zA-Z0-9]+';
const cIdentifierFmt = '[A-Za-z_][A-Za-z0-9_]*';
const envVarNameFmt = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const httpHeaderNameFmt = '[-A-Za-z0-9]+';

const re = (fmt: string) => new RegExp(`^${fmt}$`);
const dns1123Label = re(dns1123LabelFmt);
const dns1123Subdomain = re(dns1123SubdomainFmt);
const dns1035Label = re(dns1035LabelFmt);
const wildcard = re(wildcardFmt);
const qualifiedName = re(qualifiedNameFmt);
const labelValue = re(labelValueFmt);
const configMapKey = re(configMapKeyFmt);
const cIdentifier = re(cIdentifierFmt);
const envVarName = re(envVarNameFmt);
const httpHeaderName = re(httpHeaderNameFmt);

/** `must be no more than N characters`. */
export const maxLenError = (n: number): string => `must be no more than ${n} characters`;

/** The message of a failed pattern with its examples, as Kubernetes forms it. */
export function regexError(msg: string, fmt: string, ...examples: string[]): string {
  const shown = examples.map((e, i) => `${i > 0 ? ' or ' : ''}'${e}', `).join('');
  const head = examples.length > 0 ? `(e.g. ${shown}` : '(';
  return `${msg} ${head}regex used for validation is '${fmt}')`;
}

export const emptyError = 'must be non-empty';
export const inclusiveRangeError = (lo: number, hi: number): string => `must be between ${lo} and ${hi}, inclusive`;

/** Longest label; bytes of UTF-8 equal characters here because the patterns allow ASCII only. */
export const dns1123LabelMaxLength = 63;
export const dns1123SubdomainMaxLength = 253;

const dns1123LabelMsg =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const dns1123SubdomainMsg =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

export function isDns1123Label(s: string): string[] {
  const out: string[] = [];
  if (s.length > 63) out.push(maxLenError(63));
  if (!dns1123Label.test(s)) {
    out.push(
      dns1123Subdomain.test(s)
        ? 'must not contain dots'
        : regexError(dns1123LabelMsg, dns1123LabelFmt, 'my-name', '123-abc'),
    );
  }
  return out;
}

export function isDns1123Subdomain(s: string): string[] {
  const out: string[] = [];
  if (s.length > 253) out.push(maxLenError(253));
  if (!dns1123Subdomain.test(s)) out.push(regexError(dns1123SubdomainMsg, dns1123SubdomainFmt, 'example.com'));
  return out;
}

export function isDns1035Label(s: string): string[] {
  const out: string[] = [];
  if (s.length > 63) out.push(maxLenError(63));
  if (!dns1035Label.test(s)) {
    out.push(
      regexError(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        dns1035LabelFmt,
        'my-name',
        'abc-123',
      ),
    );
  }
  return out;
}

export function isWildcardDns1123Subdomain(s: string): string[] {
  const out: string[] = [];
  if (s.length > 253) out.push(maxLenError(253));
  if (!wildcard.test(s)) {
    out.push(
      regexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        wildcardFmt,
        '*.example.com',
      ),
    );
  }
  return out;
}

const qualifiedMsg =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A label or annotation key: `name` or `prefix/name`. */
export function isQualifiedName(s: string): string[] {
  const out: string[] = [];
  const parts = s.split('/');
  let name: string;
  if (parts.length === 1) name = parts[0] ?? '';
  else if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    name = parts[1] ?? '';
    if (prefix === '') out.push(`prefix part ${emptyError}`);
    else out.push(...isDns1123Subdomain(prefix).map((m) => `prefix part ${m}`));
  } else {
    return [
      `a qualified name ${regexError(qualifiedMsg, qualifiedNameFmt, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (name === '') out.push(`name part ${emptyError}`);
  else if (name.length > 63) out.push(`name part ${maxLenError(63)}`);
  if (!qualifiedName.test(name)) {
    out.push(`name part ${regexError(qualifiedMsg, qualifiedNameFmt, 'MyName', 'my.name', '123-abc')}`);
  }
  return out;
}

export function isValidLabelValue(s: string): string[] {
  const out: string[] = [];
  if (s.length > 63) out.push(maxLenError(63));
  if (!labelValue.test(s)) {
    out.push(
      regexError(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        labelValueFmt,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return out;
}

/** An IANA service name, as container and service ports carry. */
export function isValidPortName(s: string): string[] {
  const out: string[] = [];
  if (s.length > 15) out.push(maxLenError(15));
  if (!/^[-a-z0-9]+$/.test(s)) out.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(s)) out.push('must contain at least one letter (a-z)');
  if (s.includes('--')) out.push('must not contain consecutive hyphens');
  if (s.length > 0 && (s.startsWith('-') || s.endsWith('-'))) out.push('must not begin or end with a hyphen');
  return out;
}

export function isValidPortNum(port: number): string[] {
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? [] : [inclusiveRangeError(1, 65535)];
}

export function isCIdentifier(s: string): string[] {
  return cIdentifier.test(s)
    ? []
    : [
        regexError(
          "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
          cIdentifierFmt,
          'my_name',
          'MY_NAME',
          'MyName',
        ),
      ];
}

const hasChDirPrefix = (s: string): string[] => {
  if (s === '.') return ["must not be '.'"];
  if (s === '..') return ["must not be '..'"];
  if (s.startsWith('..')) return ["must not start with '..'"];
  return [];
};

/** The relaxed rule of 1.30+ (RelaxedEnvironmentVariableValidation): printable ASCII but `=`. */
export function isRelaxedEnvVarName(s: string): string[] {
  if (s.length === 0) return ['environment variable name must be non-empty'];
  if (!/^[\x20-\x3c\x3e-\x7e]+$/.test(s)) {
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
  }
  return [];
}

export function isEnvVarName(s: string): string[] {
  const out: string[] = [];
  if (!envVarName.test(s)) {
    out.push(
      regexError(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        envVarNameFmt,
        'my.env-name',
        'MY_ENV.NAME',
        'MyEnvName1',
      ),
    );
  }
  return [...out, ...hasChDirPrefix(s)];
}

/** A key of a ConfigMap or Secret. */
export function isConfigMapKey(s: string): string[] {
  const out: string[] = [];
  if (s.length > 253) out.push(maxLenError(253));
  if (!configMapKey.test(s)) {
    out.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configMapKeyFmt,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return [...out, ...hasChDirPrefix(s)];
}

export function isHttpHeaderName(s: string): string[] {
  return httpHeaderName.test(s)
    ? []
    : [
        regexError(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          httpHeaderNameFmt,
          'X-Header-Name',
        ),
      ];
}

export function isValidIP(s: string): string[] {
  return isIP(s) !== 0 && !s.includes('%') ? [] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
}
export const isIPv4 = (s: string): boolean => isIP(s) === 4;
export const isIPv6 = (s: string): boolean => isIP(s) === 6;

/** `10.0.0.0/8` or `2001:db8::/64`. */
export function isValidCIDR(s: string): string[] {
  const [ip, bits, ...rest] = s.split('/');
  const family = isIP(ip ?? '');
  const n = /^\d{1,3}$/.test(bits ?? '') ? Number(bits) : -1;
  const ok = rest.length === 0 && family !== 0 && n >= 0 && n <= (family === 4 ? 32 : 128);
  return ok ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
}

/** A port name or percentage checks. */
export function isValidPercent(s: string): string[] {
  return /^[0-9]+%$/.test(s)
    ? []
    : [regexError("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%')];
}

export function isDomainPrefixedPath(s: string): string[] {
  const i = s.indexOf('/');
  if (i <= 0 || i === s.length - 1) return ['must be a domain-prefixed path (such as "acme.io/foo")'];
  const out = isDns1123Subdomain(s.slice(0, i));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(s.slice(i + 1))) {
    out.push(regexError('Invalid path', "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"));
  }
  return out;
}

export function isFullyQualifiedName(s: string): string[] {
  if (s === '') return ['must be non-empty'];
  const out = isDns1123Subdomain(s);
  if (s.split('.').length < 3) out.push('should be a domain with at least three segments separated by dots');
  return out;
}

/** A name that may be one segment of a URL path (RBAC objects, PVs in the past). */
export function isPathSegmentName(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

/** A wrapper for name functions with `prefix`: a generateName may end in a dash. */
export function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}
