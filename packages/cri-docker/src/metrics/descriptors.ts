import type { MetricDescriptor, MetricType } from '@kubelab/cri';

/** Labels all metrics have, in this order; those of one metric follow. */
export const commonLabels = ['id', 'name', 'image', 'container', 'pod', 'namespace'] as const;

interface Definition {
  help: string;
  type: MetricType;
  labels?: string[];
}

const counter = (help: string, ...labels: string[]): Definition => ({ help, type: 'COUNTER', labels });
const gauge = (help: string, ...labels: string[]): Definition => ({ help, type: 'GAUGE', labels });

/** The metrics cAdvisor has for containers, by their names there. Values are whole numbers in CRI. */
export const definitions = {
  container_blkio_device_usage_total: counter('Bytes by device and operation.', 'device', 'operation'),
  container_cpu_cfs_periods_total: counter('Number of elapsed enforcement period intervals.'),
  container_cpu_cfs_throttled_periods_total: counter('Number of throttled period intervals.'),
  container_cpu_cfs_throttled_seconds_total: counter('Total time the container has been throttled.'),
  container_cpu_system_seconds_total: counter('Cumulative system CPU time in seconds.'),
  container_cpu_usage_seconds_total: counter('Cumulative CPU time in seconds.', 'cpu'),
  container_cpu_user_seconds_total: counter('Cumulative user CPU time in seconds.'),
  container_file_descriptors: gauge('Number of open file descriptors.'),
  container_fs_inodes_free: gauge('Number of available inodes.', 'device'),
  container_fs_inodes_total: gauge('Number of inodes.', 'device'),
  container_fs_limit_bytes: gauge('Bytes that can be consumed on this file system.', 'device'),
  container_fs_reads_bytes_total: counter('Cumulative bytes read.', 'device'),
  container_fs_reads_total: counter('Cumulative reads completed.', 'device'),
  container_fs_usage_bytes: gauge('Bytes consumed on this file system.', 'device'),
  container_fs_writes_bytes_total: counter('Cumulative bytes written.', 'device'),
  container_fs_writes_total: counter('Cumulative writes completed.', 'device'),
  container_last_seen: gauge('Last time the container was seen.'),
  container_memory_cache: gauge('Bytes of page cache.'),
  container_memory_failcnt: counter('Number of times memory usage hit the limit.'),
  container_memory_failures_total: counter('Memory allocation failures.', 'failure_type', 'scope'),
  container_memory_kernel_usage: gauge('Bytes of kernel memory.'),
  container_memory_mapped_file: gauge('Bytes of mapped files.'),
  container_memory_max_usage_bytes: gauge('Maximum memory usage in bytes.'),
  container_memory_rss: gauge('Bytes of RSS.'),
  container_memory_swap: gauge('Bytes of swap in use.'),
  container_memory_usage_bytes: gauge('Memory usage in bytes, whatever it is used for.'),
  container_memory_working_set_bytes: gauge('Working set in bytes.'),
  container_network_receive_bytes_total: counter('Cumulative bytes received.', 'interface'),
  container_network_receive_errors_total: counter('Cumulative errors while receiving.', 'interface'),
  container_network_receive_packets_dropped_total: counter('Cumulative packets dropped while receiving.', 'interface'),
  container_network_receive_packets_total: counter('Cumulative packets received.', 'interface'),
  container_network_transmit_bytes_total: counter('Cumulative bytes transmitted.', 'interface'),
  container_network_transmit_errors_total: counter('Cumulative errors while transmitting.', 'interface'),
  container_network_transmit_packets_dropped_total: counter(
    'Cumulative packets dropped while transmitting.',
    'interface',
  ),
  container_network_transmit_packets_total: counter('Cumulative packets transmitted.', 'interface'),
  container_oom_events_total: counter('Number of processes of the container killed for lack of memory.'),
  container_processes: gauge('Number of processes.'),
  container_sockets: gauge('Number of open sockets.'),
  container_spec_cpu_period: gauge('CPU period in microseconds.'),
  container_spec_cpu_quota: gauge('CPU quota in microseconds.'),
  container_spec_cpu_shares: gauge('CPU shares.'),
  container_spec_memory_limit_bytes: gauge('Memory limit.'),
  container_spec_memory_swap_limit_bytes: gauge('Memory and swap limit.'),
  container_start_time_seconds: gauge('Start time in seconds since the epoch.'),
  container_threads: gauge('Number of threads.'),
  container_threads_max: gauge('Maximum number of threads; 0 is no limit.'),
} satisfies Record<string, Definition>;

export type MetricName = keyof typeof definitions;

/** For ListMetricDescriptors. */
export function descriptors(): MetricDescriptor[] {
  return Object.entries(definitions).map(([name, { help, labels }]) => ({
    name,
    help,
    label_keys: [...commonLabels, ...(labels ?? [])],
  }));
}
