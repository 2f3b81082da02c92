import type { V1ConfigMap } from '@kubelab/api';

/** How the API server knows users, as it tells extension servers in kube-system/extension-apiserver-authentication. */
export interface AuthenticationConfig {
  /** Authorities of users' client certificates, PEM. */
  clientCa: string;
  /** Authorities of the front proxy (the API server's aggregator), PEM. */
  requestheaderCa: string;
  /** Common names that a front proxy may have; empty allows all. */
  allowedNames: string[];
  usernameHeaders: string[];
  groupHeaders: string[];
  extraHeaderPrefixes: string[];
}

/** Reads the configuration. Throws for lists that are not JSON. */
export function readAuthenticationConfig(configMap: V1ConfigMap | undefined): AuthenticationConfig {
  const data = configMap?.data ?? {};
  const list = (key: string): string[] => {
    const text = data[key];
    return text ? (JSON.parse(text) as string[]) : [];
  };
  return {
    clientCa: data['client-ca-file'] ?? '',
    requestheaderCa: data['requestheader-client-ca-file'] ?? '',
    allowedNames: list('requestheader-allowed-names'),
    usernameHeaders: list('requestheader-username-headers'),
    groupHeaders: list('requestheader-group-headers'),
    extraHeaderPrefixes: list('requestheader-extra-headers-prefix'),
  };
}
