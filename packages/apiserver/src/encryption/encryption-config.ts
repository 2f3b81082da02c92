import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { aesCbc, aesGcm, type ValueCipher } from './ciphers.js';
import { secretbox } from './secretbox.js';

interface KeyEntry {
  name?: string;
  secret?: string;
}
type ProviderEntry = Record<string, { keys?: KeyEntry[] } | undefined>;
interface ConfigurationFile {
  apiVersion?: string;
  kind?: string;
  resources?: { resources?: string[]; providers?: ProviderEntry[] }[];
}

/** One key of one provider; the prefix stands before the values it made. Absent cipher: values as they are. */
export interface ProviderKey {
  prefix: Buffer;
  cipher?: ValueCipher;
}

/** How the objects of some resources are kept: the first key writes, all are tried for reading. */
export interface ResourceEncryption {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.*`, `*.` (the core group). */
  resources: string[];
  keys: ProviderKey[];
}

const makers: Record<string, { sizes: number[]; make(key: Buffer): ValueCipher }> = {
  aescbc: { sizes: [16, 24, 32], make: aesCbc },
  aesgcm: { sizes: [16, 24, 32], make: aesGcm },
  secretbox: { sizes: [32], make: secretbox },
};

/**
 * Reads --encryption-provider-config (apiserver.config.k8s.io/v1 EncryptionConfiguration).
 * @throws Error saying what is wrong; never with a key in its text
 */
export function readEncryptionConfig(path: string): ResourceEncryption[] {
  return parseEncryptionConfig(readFileSync(path, 'utf8'), path);
}

export function parseEncryptionConfig(text: string, where: string): ResourceEncryption[] {
  const fail = (what: string) => new Error(`encryption configuration ${where}: ${what}`);
  const raw = parse(text) as ConfigurationFile | null;
  if (raw?.kind !== 'EncryptionConfiguration' || raw.apiVersion !== 'apiserver.config.k8s.io/v1') {
    throw fail('must be an EncryptionConfiguration of apiserver.config.k8s.io/v1');
  }
  return (raw.resources ?? []).map((entry, i) => {
    const at = `resources[${i}]`;
    if (!entry.resources?.length) throw fail(`${at}.resources: Required value`);
    if (!entry.providers?.length) throw fail(`${at}.providers: Required value`);
    return {
      resources: entry.resources,
      keys: entry.providers.flatMap((p, j) => providerKeys(p, (what) => fail(`${at}.providers[${j}]${what}`))),
    };
  });
}

function providerKeys(entry: ProviderEntry, fail: (what: string) => Error): ProviderKey[] {
  const names = Object.keys(entry);
  const [name] = names;
  if (names.length !== 1 || name === undefined) throw fail(': exactly one provider is needed');
  if (name === 'identity') return [{ prefix: Buffer.alloc(0) }];
  const maker = makers[name];
  if (!maker) throw fail(`.${name}: is not a provider of this server (aescbc, aesgcm, secretbox, identity)`);
  const keys = entry[name]?.keys ?? [];
  if (keys.length === 0) throw fail(`.${name}.keys: Required value`);
  return keys.map((key, i) => {
    if (!key.name || key.name.includes(':')) throw fail(`.${name}.keys[${i}].name: Invalid value`);
    const secret = Buffer.from(key.secret ?? '', 'base64');
    if (!maker.sizes.includes(secret.length)) {
      throw fail(
        `.${name}.keys[${i}].secret: secret is not of the expected length, got ${secret.length}, expected one of [${maker.sizes.join(' ')}]`,
      );
    }
    return { prefix: Buffer.from(`k8s:enc:${name}:v1:${key.name}:`), cipher: maker.make(secret) };
  });
}
