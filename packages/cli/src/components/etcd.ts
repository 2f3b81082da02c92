import type { ClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import { httpOk } from '../process/health-probe.js';

/** etcd with TLS and client certificates, on loopback; health and metrics on a port of their own, as kubeadm has it. */
export function etcdProcess(layout: Layout, config: ClusterConfig): ProcessSpec {
  const pki = `${layout.pkiDir}/etcd`;
  const client = `https://127.0.0.1:${config.etcdPort}`;
  const peer = `https://127.0.0.1:${config.etcdPeerPort}`;
  const metrics = `http://127.0.0.1:${config.etcdMetricsPort}`;
  return {
    name: 'etcd',
    runDir: layout.runDir,
    logFile: `${layout.logDir}/etcd.log`,
    stopTimeoutMs: 20_000,
    command: [
      'etcd',
      `--name=${layout.name}`,
      `--data-dir=${layout.stateDir}/etcd`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${layout.name}=${peer}`,
      `--listen-metrics-urls=${metrics}`,
      '--client-cert-auth=true',
      `--cert-file=${pki}/server.crt`,
      `--key-file=${pki}/server.key`,
      `--trusted-ca-file=${pki}/ca.crt`,
      '--peer-client-cert-auth=true',
      `--peer-cert-file=${pki}/peer.crt`,
      `--peer-key-file=${pki}/peer.key`,
      `--peer-trusted-ca-file=${pki}/ca.crt`,
      '--snapshot-count=10000',
      // Debian's etcd 3.4 sends progress notifications at this interval; the watch cache's consistent reads use them.
      '--experimental-watch-progress-notify-interval=5s',
      '--logger=zap',
      '--log-level=warn',
      // The last of two counts.
      ...Object.entries(config.extraConfig.etcd ?? {}).map(([flag, value]) => `--${flag}=${value}`),
    ],
    ready: () => httpOk(`${metrics}/health`),
    // kubeadm's liveness probe: neither a lost quorum nor a full disk is helped by a restart.
    live: (timeoutMs) => httpOk(`${metrics}/health?exclude=NOSPACE&serializable=true`, timeoutMs),
  };
}
