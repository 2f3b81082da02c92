import type { AuthenticationConfig } from './authentication-config.js';
import type { User } from './user.js';

/** The user whom a front proxy names in its headers. `rawHeaders` as in node:http: names and values in turn. */
export function userOfHeaders(rawHeaders: string[], config: AuthenticationConfig): User | undefined {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    pairs.push([(rawHeaders[i] ?? '').toLowerCase(), rawHeaders[i + 1] ?? '']);
  }
  const valuesOf = (names: string[]): string[] =>
    names.flatMap((name) => pairs.filter(([header]) => header === name.toLowerCase()).map(([, value]) => value));
  const name = valuesOf(config.usernameHeaders).find((value) => value !== '');
  if (name === undefined) return undefined;
  const extra: Record<string, string[]> = {};
  for (const [header, value] of pairs) {
    const prefix = config.extraHeaderPrefixes.find((candidate) => header.startsWith(candidate.toLowerCase()));
    if (prefix === undefined) continue;
    const key = decodeKey(header.slice(prefix.length));
    extra[key] = [...(extra[key] ?? []), value];
  }
  return { name, groups: valuesOf(config.groupHeaders), extra };
}

function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded: the key is taken as it is, as Kubernetes does.
    return text;
  }
}
