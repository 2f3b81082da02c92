import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45, 90, 180, 300];

/** The agent's own metrics, named as the kubelet's. */
export function kubeletMetrics(registry: Registry) {
  const registers = [registry];
  return {
    podStart: new Histogram({
      name: 'kubelet_pod_start_duration_seconds',
      help: 'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
      buckets: seconds,
      registers,
    }),
    podStatusWrite: new Histogram({
      name: 'kubelet_pod_status_sync_duration_seconds',
      help: 'Duration in seconds to sync a pod status update',
      buckets: seconds,
      registers,
    }),
    relist: new Histogram({
      name: 'kubelet_pleg_relist_duration_seconds',
      help: 'Duration in seconds for relisting pods in PLEG',
      buckets: seconds,
      registers,
    }),
    runningPods: new Gauge({
      name: 'kubelet_running_pods',
      help: 'Number of pods that have a running pod sandbox',
      registers,
    }),
    desiredPods: new Gauge({
      name: 'kubelet_desired_pods',
      help: 'The number of pods the kubelet is being instructed to run',
      registers,
    }),
    probes: new Counter({
      name: 'prober_probe_total',
      help: 'Cumulative number of a liveness, readiness or startup probe for a container by result',
      labelNames: ['probe_type', 'result'],
      registers,
    }),
    evictions: new Counter({
      name: 'kubelet_evictions',
      help: 'Cumulative number of pod evictions by eviction signal',
      labelNames: ['eviction_signal'],
      registers,
    }),
    nodeName: new Gauge({
      name: 'kubelet_node_name',
      help: 'The node name. The count is always 1',
      labelNames: ['node'],
      registers,
    }),
  };
}

export type KubeletMetrics = ReturnType<typeof kubeletMetrics>;
