export { KubeletClient, type KubeletClientOptions } from './scrape/kubelet-client.js';
export { type RunningMetricsServer, type StartMetricsServerOptions, startMetricsServer } from './start.js';
