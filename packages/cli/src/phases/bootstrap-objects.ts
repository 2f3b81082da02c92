import { readFileSync } from 'node:fs';
import type { KubeObject } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { apiServerUrl, type ClusterConfig } from '../cluster/config.js';
import type { ExtraFlags } from '../cluster/extra-config.js';
import type { Layout } from '../cluster/layout.js';
import { type NetworkModes, networkModesOf } from '../cluster/network-modes.js';
import { ensureObject, type ObjectAddress } from './ensure-object.js';
import { nodeTokenGroup } from './token.js';

const rbac = 'rbac.authorization.k8s.io';
const configMaps: ObjectAddress = { group: '', version: 'v1', resource: 'configmaps' };
const clusterRoles: ObjectAddress = { group: rbac, version: 'v1', resource: 'clusterroles' };
const clusterRoleBindings: ObjectAddress = { group: rbac, version: 'v1', resource: 'clusterrolebindings' };
const roles: ObjectAddress = { group: rbac, version: 'v1', resource: 'roles' };
const roleBindings: ObjectAddress = { group: rbac, version: 'v1', resource: 'rolebindings' };

/** What a joining machine must know of the cluster besides its address; kept in kube-system/kubelab-config. */
export interface NodeClusterSettings extends NetworkModes {
  podCidr: string;
  serviceCidr: string;
  clusterDns: string;
  clusterDomain: string;
  /** Names of the enabled addons, whose images a node needs. */
  addons: string[];
  /** The node agent's flags of --extra-config. */
  kubeletFlags: ExtraFlags;
}

export const settingsConfigMap = { namespace: 'kube-system', name: 'kubelab-config', key: 'settings.json' };

/**
 * Creates the objects by which machines join, as `kubeadm init` does: cluster-info for discovery, the bindings that let
 * a bootstrap token ask for a node's certificate and have it approved, and what the node agent's kube-proxy and pod
 * network read with the node's identity.
 */
export async function ensureBootstrapObjects(client: Client, layout: Layout, config: ClusterConfig): Promise<void> {
  const settings: NodeClusterSettings = {
    podCidr: config.podCidr,
    serviceCidr: config.serviceCidr,
    clusterDns: config.clusterDns,
    clusterDomain: config.clusterDomain,
    addons: config.addons,
    kubeletFlags: config.extraConfig.kubelet ?? {},
    ...networkModesOf(config),
  };
  const objects: [ObjectAddress, KubeObject][] = [
    [configMaps, configMap('kube-public', 'cluster-info', { kubeconfig: clusterInfo(layout, config) })],
    [
      configMaps,
      configMap(settingsConfigMap.namespace, settingsConfigMap.name, {
        [settingsConfigMap.key]: JSON.stringify(settings),
      }),
    ],
    ...readableConfigMap('kube-public', 'cluster-info', [user('system:anonymous'), group('system:authenticated')]),
    ...readableConfigMap(settingsConfigMap.namespace, settingsConfigMap.name, [
      group(nodeTokenGroup),
      group('system:nodes'),
    ]),
    clusterBinding('kubelab:cluster-admins', 'cluster-admin', 'kubeadm:cluster-admins'),
    clusterBinding('kubelab:kubelet-bootstrap', 'system:node-bootstrapper', nodeTokenGroup),
    clusterBinding(
      'kubelab:node-autoapprove-bootstrap',
      'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
      nodeTokenGroup,
    ),
    clusterBinding(
      'kubelab:node-autoapprove-certificate-rotation',
      'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
      'system:nodes',
    ),
    clusterBinding('kubelab:node-proxier', 'system:node-proxier', 'system:nodes'),
    [
      clusterRoles,
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRole',
        metadata: { name: 'kubelab:node-network' },
        rules: [
          { apiGroups: [''], resources: ['nodes', 'pods', 'namespaces'], verbs: ['get', 'list', 'watch'] },
          { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['get', 'list', 'watch'] },
        ],
      },
    ],
    clusterBinding('kubelab:node-network', 'kubelab:node-network', 'system:nodes'),
  ];
  for (const [address, object] of objects) {
    await ensureObject(client, address, object);
  }
}

/** The kubeconfig in cluster-info: where the API server is and its authority, no user. */
function clusterInfo(layout: Layout, config: ClusterConfig): string {
  const ca = readFileSync(`${layout.pkiDir}/ca.crt`).toString('base64');
  return `apiVersion: v1
kind: Config
clusters:
- name: ""
  cluster:
    certificate-authority-data: ${ca}
    server: ${apiServerUrl(config)}
contexts: null
current-context: ""
preferences: {}
users: null
`;
}

function configMap(namespace: string, name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

type Subject = { apiGroup: string; kind: string; name: string };
const user = (name: string): Subject => ({ apiGroup: rbac, kind: 'User', name });
const group = (name: string): Subject => ({ apiGroup: rbac, kind: 'Group', name });

function readableConfigMap(
  namespace: string,
  configMapName: string,
  subjects: Subject[],
): [ObjectAddress, KubeObject][] {
  const name = `kubelab:${configMapName}`;
  const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [configMapName], verbs: ['get'] }];
  const roleRef = { apiGroup: rbac, kind: 'Role', name };
  return [
    [roles, { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { namespace, name }, rules }],
    [roleBindings, { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: { namespace, name }, roleRef, subjects }],
  ];
}

function clusterBinding(name: string, role: string, groupName: string): [ObjectAddress, KubeObject] {
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: role };
  const subjects = [group(groupName)];
  return [
    clusterRoleBindings,
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects },
  ];
}
