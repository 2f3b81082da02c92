import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { type KeyPair, kubeconfig, readKeyPair, signCertificate, writeSecretFile } from '@kubelab/pki';
import { apiServerUrl, type ClusterConfig } from '../cluster/config.js';
import { defaultClusterName, type Layout } from '../cluster/layout.js';

/** Subjects by kubeadm's conventions; `system:masters` is bound to cluster-admin and cannot be revoked by RBAC. */
const identities = [
  { file: 'admin.kubeconfig', user: 'kubernetes-admin', organizations: ['system:masters'] },
  { file: 'controller-manager.kubeconfig', user: 'system:kube-controller-manager', organizations: [] },
  { file: 'scheduler.kubeconfig', user: 'system:kube-scheduler', organizations: [] },
];

/** Writes the missing kubeconfig files of the admin and the control plane (0600). */
export async function ensureKubeconfigs(layout: Layout, config: ClusterConfig): Promise<void> {
  const ca = readKeyPair(layout.pkiDir, 'ca') as KeyPair;
  for (const identity of identities) {
    const path = `${layout.etcDir}/${identity.file}`;
    if (!existsSync(path)) {
      const pair = await signCertificate(ca, {
        commonName: identity.user,
        organizations: identity.organizations,
        usages: ['client'],
      });
      const server = apiServerUrl(config);
      const spec = { clusterName: config.name, server, caPem: ca.certPem, userName: identity.user, ...pair };
      writeSecretFile(path, kubeconfig(spec));
    }
  }
}

/**
 * Gives the person at the keyboard a ~/.kube/config, only for the default cluster and only where there is none.
 * Returns its path when it was written.
 */
export function ensureUserKubeconfig(layout: Layout, adminKubeconfig: string): string | undefined {
  const path = `${homedir()}/.kube/config`;
  if (layout.name !== defaultClusterName || process.env.KUBECONFIG || existsSync(path)) {
    return undefined;
  }
  mkdirSync(`${homedir()}/.kube`, { recursive: true, mode: 0o750 });
  writeSecretFile(path, adminKubeconfig);
  return path;
}
