import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { ClientConfig } from './config.js';

interface NamedCluster {
  name: string;
  cluster?: {
    server?: string;
    'certificate-authority'?: string;
    'certificate-authority-data'?: string;
    'insecure-skip-tls-verify'?: boolean;
    'tls-server-name'?: string;
  };
}

interface NamedUser {
  name: string;
  user?: {
    'client-certificate'?: string;
    'client-certificate-data'?: string;
    'client-key'?: string;
    'client-key-data'?: string;
    token?: string;
    tokenFile?: string;
    as?: string;
    'as-groups'?: string[];
    exec?: unknown;
  };
}

interface Kubeconfig {
  'current-context'?: string;
  clusters?: NamedCluster[];
  users?: NamedUser[];
  contexts?: { name: string; context?: { cluster?: string; user?: string; namespace?: string } }[];
}

const fromBase64 = (data: string | undefined): string | undefined =>
  data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');

/**
 * Reads the current (or the named) context of a kubeconfig file. Relative file names are relative to the kubeconfig.
 * Throws if the file, the context or its cluster is missing, or if the user needs an exec plugin (not supported).
 */
export function loadKubeconfig(path: string, contextName?: string): ClientConfig {
  const config = (parse(readFileSync(path, 'utf8')) ?? {}) as Kubeconfig;
  const wanted = contextName ?? config['current-context'];
  const context = config.contexts?.find((c) => c.name === wanted)?.context;
  if (!context) throw new Error(`kubeconfig ${path}: context "${wanted ?? ''}" does not exist`);
  const cluster = config.clusters?.find((c) => c.name === context.cluster)?.cluster;
  if (!cluster?.server) throw new Error(`kubeconfig ${path}: cluster "${context.cluster ?? ''}" does not exist`);
  const user = config.users?.find((u) => u.name === context.user)?.user ?? {};
  if (user.exec) throw new Error(`kubeconfig ${path}: user "${context.user}" needs an exec plugin: not supported`);
  const file = (name: string | undefined): string | undefined => (name ? resolve(dirname(path), name) : undefined);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    caPem: fromBase64(cluster['certificate-authority-data']),
    caFile: cluster['certificate-authority-data'] ? undefined : file(cluster['certificate-authority']),
    tlsServerName: cluster['tls-server-name'],
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'],
    certPem: fromBase64(user['client-certificate-data']),
    certFile: user['client-certificate-data'] ? undefined : file(user['client-certificate']),
    keyPem: fromBase64(user['client-key-data']),
    keyFile: user['client-key-data'] ? undefined : file(user['client-key']),
    token: user.token,
    tokenFile: file(user.tokenFile),
    impersonate: user.as ? { userName: user.as, groups: user['as-groups'] } : undefined,
  };
}
