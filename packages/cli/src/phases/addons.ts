import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { parseAllDocuments } from 'yaml';
import type { ClusterConfig } from '../cluster/config.js';
import { ensureObject } from './ensure-object.js';

/** Plural names of the kinds that addon manifests hold. */
const resourceOf: Record<string, string> = {
  ServiceAccount: 'serviceaccounts',
  ConfigMap: 'configmaps',
  Service: 'services',
  Deployment: 'deployments',
  DaemonSet: 'daemonsets',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
};

/** Creates what deploy/addons holds; placeholders of the form ${clusterDns} are filled from the configuration. */
export async function ensureAddons(client: Client, config: ClusterConfig): Promise<string> {
  const dir = resolve(dirname(fileURLToPath(import.meta.url)), '../../../../deploy/addons');
  const files = existsSync(dir)
    ? readdirSync(dir)
        .filter((file) => file.endsWith('.yaml'))
        .sort()
    : [];
  for (const file of files) {
    const text = readFileSync(`${dir}/${file}`, 'utf8').replace(/\$\{(\w+)\}/g, (_, key: string) => {
      const value = (config as unknown as Record<string, unknown>)[key];
      if (value === undefined) {
        throw new Error(`deploy/addons/${file}: unknown placeholder \${${key}}`);
      }
      return String(value);
    });
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as KubeObject | null;
      if (object) {
        await ensureObject(client, addressOf(file, object), object);
      }
    }
  }
  return files.length > 0 ? `addons: ${files.map((file) => file.replace('.yaml', '')).join(', ')}` : 'no addons';
}

function addressOf(file: string, object: KubeObject): { group: string; version: string; resource: string } {
  const resource = resourceOf[object.kind];
  if (!resource) {
    throw new Error(`deploy/addons/${file}: kind ${object.kind} is not known here`);
  }
  const [first = '', second] = object.apiVersion.split('/');
  return second ? { group: first, version: second, resource } : { group: '', version: first, resource };
}
