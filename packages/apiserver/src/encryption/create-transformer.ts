import type { ResourceTable } from '@kubelab/api';
import type { OptionValues } from '@kubelab/component-base';
import { identityTransformer, prefixOf, type Transformer } from '@kubelab/storage';
import { readEncryptionConfig } from './encryption-config.js';
import { EncryptionTransformer } from './encryption-transformer.js';

/** How values are kept by --encryption-provider-config. @throws Error for a bad configuration */
export function createTransformer(options: OptionValues, table: ResourceTable): Transformer {
  const path = options.optionalString('encryption-provider-config');
  if (!path) return identityTransformer;
  const prefix = options.string('etcd-prefix').replace(/\/*$/, '/');
  return new EncryptionTransformer(readEncryptionConfig(path), (key) => {
    const storagePrefix = prefixOf(key.slice(prefix.length));
    const entry = table.all().find((e) => !e.virtual && e.storagePrefix === storagePrefix);
    if (entry) return { group: entry.storageGroup ?? entry.group, resource: entry.resource };
    // Custom resources are under GROUP/RESOURCE, and may be read before their definition is known.
    const [group, resource] = storagePrefix.split('/');
    return group?.includes('.') && resource ? { group, resource } : undefined;
  });
}
