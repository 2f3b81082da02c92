import { apiServerUrl, type ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import { httpOk } from '../process/health-probe.js';
import { nodeCommand } from './node-command.js';

export function apiServerProcess(layout: Layout, config: ClusterConfig): ProcessSpec {
  const pki = layout.pkiDir;
  return {
    name: 'apiserver',
    runDir: layout.runDir,
    logFile: `${layout.logDir}/apiserver.log`,
    stopTimeoutMs: 20_000,
    command: nodeCommand('apiserver', {
      'advertise-address': config.advertiseAddress,
      'allow-privileged': true,
      'authorization-mode': 'Node,RBAC',
      'bind-address': '0.0.0.0',
      'client-ca-file': `${pki}/ca.crt`,
      'enable-admission-plugins': 'NodeRestriction',
      'enable-bootstrap-token-auth': true,
      'etcd-cafile': `${pki}/etcd/ca.crt`,
      'etcd-certfile': `${pki}/apiserver-etcd-client.crt`,
      'etcd-keyfile': `${pki}/apiserver-etcd-client.key`,
      'etcd-prefix': '/registry',
      'etcd-servers': `https://127.0.0.1:${config.etcdPort}`,
      'kubelet-client-certificate': `${pki}/apiserver-kubelet-client.crt`,
      'kubelet-client-key': `${pki}/apiserver-kubelet-client.key`,
      'proxy-client-cert-file': `${pki}/front-proxy-client.crt`,
      'proxy-client-key-file': `${pki}/front-proxy-client.key`,
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-username-headers': 'X-Remote-User',
      'secure-port': config.apiServerPort,
      'service-account-issuer': `https://kubernetes.default.svc.${config.clusterDomain}`,
      'service-account-key-file': `${pki}/sa.pub`,
      'service-account-signing-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': config.serviceCidr,
      'service-node-port-range': '30000-32767',
      'tls-cert-file': `${pki}/apiserver.crt`,
      'tls-private-key-file': `${pki}/apiserver.key`,
      ...config.extraConfig.apiserver,
    }),
    ready: () => httpOk(`${apiServerUrl(config)}/readyz`),
    live: (timeoutMs) => httpOk(`${apiServerUrl(config)}/livez`, timeoutMs),
  };
}
