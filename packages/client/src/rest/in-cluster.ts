import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { ClientConfig } from './config.js';

const serviceAccountDir = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Configuration for a process in a pod: the mounted service account and the `kubernetes` Service. Throws elsewhere. */
export function inClusterConfig(): ClientConfig {
  const host = process.env.KUBERNETES_SERVICE_HOST;
  const port = process.env.KUBERNETES_SERVICE_PORT;
  const tokenFile = `${serviceAccountDir}/token`;
  if (!host || !port || !existsSync(tokenFile)) {
    throw new Error(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  }
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    caFile: `${serviceAccountDir}/ca.crt`,
    tokenFile,
  };
}
