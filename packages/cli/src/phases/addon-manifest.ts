import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '@kubelab/apimachinery';
import { parseAllDocuments } from 'yaml';
import type { ClusterConfig } from '../cluster/config.js';
import type { ObjectAddress } from './ensure-object.js';

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
  IngressClass: 'ingressclasses',
  APIService: 'apiservices',
  StorageClass: 'storageclasses',
};

export interface ManifestObject {
  address: ObjectAddress;
  object: KubeObject;
}

/** The objects of deploy/addons/NAME.yaml; placeholders of the form ${clusterDns} are filled from the configuration. */
export function readAddonManifest(name: string, config: ClusterConfig): ManifestObject[] {
  const file = `deploy/addons/${name}.yaml`;
  const path = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..', file);
  const text = readFileSync(path, 'utf8').replace(/\$\{(\w+)\}/g, (_, key: string) => {
    const value = (config as unknown as Record<string, unknown>)[key];
    if (value === undefined) {
      throw new Error(`${file}: unknown placeholder \${${key}}`);
    }
    return String(value);
  });
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
    .map((object) => ({ address: addressOf(file, object), object }));
}

function addressOf(file: string, object: KubeObject): ObjectAddress {
  const resource = resourceOf[object.kind];
  if (!resource) {
    throw new Error(`${file}: kind ${object.kind} is not known here`);
  }
  const [first = '', second] = object.apiVersion.split('/');
  return second ? { group: first, version: second, resource } : { group: '', version: first, resource };
}
