import type { ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import { httpOk } from '../process/health-probe.js';
import { nodeCommand } from './node-command.js';

export function controllerManagerProcess(layout: Layout, config: ClusterConfig): ProcessSpec {
  const pki = layout.pkiDir;
  const health = `https://127.0.0.1:${config.controllerManagerPort}/healthz`;
  return {
    name: 'controller-manager',
    runDir: layout.runDir,
    logFile: `${layout.logDir}/controller-manager.log`,
    command: nodeCommand('controller-manager', {
      'allocate-node-cidrs': true,
      'bind-address': '127.0.0.1',
      'cluster-cidr': config.podCidr,
      'cluster-name': config.name,
      'cluster-signing-cert-file': `${pki}/ca.crt`,
      'cluster-signing-key-file': `${pki}/ca.key`,
      'enable-hostpath-provisioner': true,
      'hostpath-provisioner-dir': `${layout.stateDir}/volumes`,
      controllers: '*,bootstrapsigner,tokencleaner',
      kubeconfig: `${layout.etcDir}/controller-manager.kubeconfig`,
      'leader-elect': true,
      'load-balancer-pool': config.loadBalancerPool.join(','),
      'root-ca-file': `${pki}/ca.crt`,
      'secure-port': config.controllerManagerPort,
      'service-account-private-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': config.serviceCidr,
      'use-service-account-credentials': true,
      ...config.extraConfig['controller-manager'],
    }),
    ready: () => httpOk(health),
    live: (timeoutMs) => httpOk(health, timeoutMs),
  };
}
