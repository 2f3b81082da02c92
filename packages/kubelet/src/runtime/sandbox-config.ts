import { join } from 'node:path';
import type { PodSandboxConfig } from '@kubelab/cri';
import { type DnsSettings, podDns } from '../env/dns.js';
import { portMappings } from '../env/host-ports.js';
import { sandboxHostname } from '../env/hostname.js';
import { podResources } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import { podLogDirName } from '../volumes/paths.js';
import { podNameLabel, podNamespaceLabel, podUidLabel } from './labels.js';
import { linuxResources } from './linux-resources.js';
import { sandboxSecurity } from './security-context.js';

export interface SandboxSettings {
  dns: DnsSettings;
  podLogsDir: string;
  /** cgroup of the pod, empty when the runtime's default is used. */
  cgroupParent(pod: Pod): string;
}

/** The CRI sandbox of a pod. Must be the same at every call for one attempt: it also goes with each container. */
export function sandboxConfig(pod: Pod, attempt: number, settings: SandboxSettings): PodSandboxConfig {
  const { name, namespace, uid } = pod.metadata;
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: pod.spec.hostNetwork ? '' : sandboxHostname(pod, settings.dns.clusterDomain),
    log_directory: join(settings.podLogsDir, podLogDirName(namespace, name, uid)),
    dns_config: podDns(pod, settings.dns),
    port_mappings: portMappings(pod),
    labels: {
      ...pod.metadata.labels,
      [podNameLabel]: name,
      [podNamespaceLabel]: namespace,
      [podUidLabel]: uid,
    },
    annotations: { ...pod.metadata.annotations },
    linux: {
      cgroup_parent: settings.cgroupParent(pod),
      security_context: sandboxSecurity(pod),
      sysctls: Object.fromEntries(
        (pod.spec.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name.replaceAll('/', '.'), sysctl.value]),
      ),
      resources: linuxResources({
        cpuRequest: podResources(pod, 'requests').get('cpu'),
        cpuLimit: podResources(pod, 'limits').get('cpu'),
        memoryLimit: podResources(pod, 'limits').get('memory'),
      }),
    },
  };
}
