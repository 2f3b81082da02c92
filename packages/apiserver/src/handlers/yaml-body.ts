import { newBadRequest } from '@kubelab/apimachinery';
import { isAlias, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';

/** Problems of YAML texts that only strict decoding minds, by what was parsed from them. */
const problems = new WeakMap<object, string[]>();

/** The keys that are set twice in the YAML that an object was parsed from, as Go's YAML package says it. */
export function yamlProblems(parsed: object): string[] {
  return problems.get(parsed) ?? [];
}

/**
 * Parses YAML; of a key that is there twice the last one holds. @throws StatusError BadRequest
 * @param failure begins the message of the error
 */
export function parseYamlBody(body: Buffer, failure: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(body.toString('utf8'), { uniqueKeys: false, lineCounter: lines });
  const [error] = document.errors;
  if (error) throw newBadRequest(`${failure}: ${error.message}`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw newBadRequest(`${failure}: ${(cause as Error).message}`);
  }
  if (typeof value !== 'object' || value === null) return value;
  const found: string[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key) || isAlias(key) || isMap(key)) continue;
        if (seen.has(key.value)) {
          const { line } = lines.linePos(key.range?.[0] ?? 0);
          found.push(`line ${line}: key ${JSON.stringify(String(key.value))} already set in map`);
        }
        seen.add(key.value);
      }
    },
  });
  if (found.length > 0) problems.set(value, found);
  return value;
}
