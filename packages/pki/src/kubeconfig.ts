export interface KubeconfigSpec {
  clusterName: string;
  server: string;
  caPem: string;
  userName: string;
  certPem?: string;
  keyPem?: string;
  /** Paths instead of embedded data: a file that is rotated is read again. */
  certFile?: string;
  keyFile?: string;
  token?: string;
}

/** The text of a kubeconfig with one cluster, one user and one context (named user@cluster). */
export function kubeconfig(spec: KubeconfigSpec): string {
  const context = `${spec.userName}@${spec.clusterName}`;
  const user = [
    spec.certPem && `    client-certificate-data: ${base64(spec.certPem)}`,
    spec.keyPem && `    client-key-data: ${base64(spec.keyPem)}`,
    spec.certFile && `    client-certificate: ${spec.certFile}`,
    spec.keyFile && `    client-key: ${spec.keyFile}`,
    spec.token && `    token: ${spec.token}`,
  ].filter(Boolean);
  return `apiVersion: v1
kind: Config
clusters:
- name: ${spec.clusterName}
  cluster:
    server: ${spec.server}
    certificate-authority-data: ${base64(spec.caPem)}
users:
- name: ${spec.userName}
  user:
${user.join('\n')}
contexts:
- name: ${context}
  context:
    cluster: ${spec.clusterName}
    user: ${spec.userName}
current-context: ${context}
`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
