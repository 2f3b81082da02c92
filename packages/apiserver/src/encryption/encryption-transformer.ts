import type { Transformer } from '@kubelab/storage';
import type { ProviderKey, ResourceEncryption } from './encryption-config.js';

const encryptedPrefix = Buffer.from('k8s:enc:');
const identity: ProviderKey[] = [{ prefix: Buffer.alloc(0) }];

/** Finds the resource of a full etcd key; undefined for keys of no resource. */
export type ResourceOfKey = (key: string) => { group: string; resource: string } | undefined;

/** Encryption at rest of the resources that the configuration names (--encryption-provider-config). */
export class EncryptionTransformer implements Transformer {
  private readonly byResource = new Map<string, ProviderKey[]>();

  constructor(
    private readonly configuration: ResourceEncryption[],
    private readonly resourceOf: ResourceOfKey,
  ) {}

  toStorage(key: string, data: Buffer): Buffer {
    const [first] = this.keysFor(key);
    if (!first?.cipher) return data;
    return Buffer.concat([first.prefix, first.cipher.encrypt(data, key)]);
  }

  fromStorage(key: string, data: Buffer): Buffer {
    let failure: Error | undefined;
    for (const { prefix, cipher } of this.keysFor(key)) {
      if (!cipher) {
        if (!starts(data, encryptedPrefix)) return data;
      } else if (starts(data, prefix)) {
        try {
          return cipher.decrypt(data.subarray(prefix.length), key);
        } catch (error) {
          // Another key may have the same name.
          failure = error as Error;
        }
      }
    }
    throw failure ?? new Error('no matching prefix found: the value was written with a key that is not configured');
  }

  private keysFor(key: string): ProviderKey[] {
    const resource = this.resourceOf(key);
    if (!resource) return identity;
    const name = `${resource.resource}.${resource.group}`;
    let keys = this.byResource.get(name);
    if (!keys) {
      const found = this.configuration.find((entry) => entry.resources.some((r) => covers(r, resource)));
      keys = found?.keys ?? identity;
      this.byResource.set(name, keys);
    }
    return keys;
  }
}

const starts = (data: Buffer, prefix: Buffer) => data.subarray(0, prefix.length).equals(prefix);

function covers(pattern: string, { group, resource }: { group: string; resource: string }): boolean {
  if (pattern === '*.*') return true;
  const dot = pattern.indexOf('.');
  const [wantedResource, wantedGroup] = dot < 0 ? [pattern, ''] : [pattern.slice(0, dot), pattern.slice(dot + 1)];
  return (wantedResource === '*' || wantedResource === resource) && wantedGroup === group;
}
