import { existsSync, rmSync } from 'node:fs';
import {
  type CertificateSpec,
  createCa,
  generateServiceAccountKeys,
  type KeyPair,
  readKeyPair,
  signCertificate,
  writeKeyPair,
  writePublicFile,
  writeSecretFile,
} from '@kubelab/pki';
import { nthAddress, ofFamily } from '../cluster/address.js';
import type { ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';

interface Leaf {
  file: string;
  ca: 'ca' | 'etcd/ca' | 'front-proxy-ca';
  spec: CertificateSpec;
}

/** The certificates of the control plane, by kubeadm's file names, subjects and authorities. */
function leaves(config: ClusterConfig): Leaf[] {
  const local = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] };
  return [
    {
      file: 'apiserver',
      ca: 'ca',
      spec: {
        commonName: 'kube-apiserver',
        usages: ['server'],
        dnsNames: [
          'localhost',
          'kubernetes',
          'kubernetes.default',
          'kubernetes.default.svc',
          `kubernetes.default.svc.${config.clusterDomain}`,
        ],
        ipAddresses: [
          nthAddress(ofFamily(config.serviceCidr, 'ipv4') ?? '', 1),
          config.advertiseAddress,
          '127.0.0.1',
          '::1',
        ],
      },
    },
    {
      file: 'apiserver-kubelet-client',
      ca: 'ca',
      spec: {
        commonName: 'kube-apiserver-kubelet-client',
        organizations: ['kubeadm:cluster-admins'],
        usages: ['client'],
      },
    },
    {
      file: 'front-proxy-client',
      ca: 'front-proxy-ca',
      spec: { commonName: 'front-proxy-client', usages: ['client'] },
    },
    {
      file: 'apiserver-etcd-client',
      ca: 'etcd/ca',
      spec: { commonName: 'kube-apiserver-etcd-client', usages: ['client'] },
    },
    { file: 'etcd/server', ca: 'etcd/ca', spec: { commonName: config.name, usages: ['server', 'client'], ...local } },
    { file: 'etcd/peer', ca: 'etcd/ca', spec: { commonName: config.name, usages: ['server', 'client'], ...local } },
  ];
}

/**
 * Makes the authorities, certificates and the service account key that are missing; what is there stays, so that a
 * second run changes nothing. All keys are 0600.
 */
export async function ensureCertificates(layout: Layout, config: ClusterConfig): Promise<void> {
  const authorities = new Map<string, KeyPair>();
  for (const [name, commonName] of [
    ['ca', 'kubernetes'],
    ['etcd/ca', 'etcd-ca'],
    ['front-proxy-ca', 'front-proxy-ca'],
  ] as const) {
    let pair = readKeyPair(layout.pkiDir, name);
    if (!pair) {
      pair = await createCa(commonName);
      writeKeyPair(layout.pkiDir, name, pair);
      dropLeavesOf(layout, config, name);
    }
    authorities.set(name, pair);
  }
  for (const leaf of leaves(config)) {
    if (!readKeyPair(layout.pkiDir, leaf.file)) {
      writeKeyPair(layout.pkiDir, leaf.file, await signCertificate(authorities.get(leaf.ca) as KeyPair, leaf.spec));
    }
  }
  if (!existsSync(`${layout.pkiDir}/sa.key`) || !existsSync(`${layout.pkiDir}/sa.pub`)) {
    const { privatePem, publicPem } = generateServiceAccountKeys();
    writeSecretFile(`${layout.pkiDir}/sa.key`, privatePem);
    writePublicFile(`${layout.pkiDir}/sa.pub`, publicPem);
  }
}

/** A new authority makes the certificates of an old one worthless. */
function dropLeavesOf(layout: Layout, config: ClusterConfig, ca: string): void {
  for (const leaf of leaves(config).filter((candidate) => candidate.ca === ca)) {
    rmSync(`${layout.pkiDir}/${leaf.file}.crt`, { force: true });
    rmSync(`${layout.pkiDir}/${leaf.file}.key`, { force: true });
  }
}
