import type { ResourceTable } from '@kubelab/api';
import { Gauge, type Registry } from '@kubelab/component-base';
import type { WatchCache } from '@kubelab/storage';
import type { RemoteGroupVersion } from '../aggregation/index.js';
import { versionInfo } from './version.js';

/** What the gauges are read from. */
export interface ObjectMetricsOptions {
  registry: Registry;
  table: ResourceTable;
  cache: WatchCache;
  remote(): RemoteGroupVersion[];
}

/** Metrics that are looked up when somebody reads them: numbers of objects, extension servers that are away, the build. */
export function registerObjectMetrics({ registry, table, cache, remote }: ObjectMetricsOptions): void {
  const registers = [registry];
  new Gauge({
    name: 'apiserver_storage_objects',
    help: 'Number of stored objects at the time of last check split by kind.',
    labelNames: ['resource'],
    registers,
    collect() {
      this.reset();
      for (const { group, resource, virtual, storageGroup, storagePrefix } of table.all()) {
        // A row that only shows another one's objects would count them twice.
        if (virtual || storageGroup !== undefined) continue;
        const name = group === '' ? resource : `${resource}.${group}`;
        this.set({ resource: name }, cache.resource(storagePrefix).size);
      }
    },
  });
  new Gauge({
    name: 'aggregator_unavailable_apiservice',
    help: 'Gauge of APIServices which are marked as unavailable broken down by APIService name.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const { group, version, available } of remote()) {
        this.set({ name: `${version}.${group}` }, available ? 0 : 1);
      }
    },
  });
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } = versionInfo();
  new Gauge({
    name: 'kubernetes_build_info',
    help: 'A metric with a constant 1 value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.',
    labelNames: [
      'major',
      'minor',
      'git_version',
      'git_commit',
      'git_tree_state',
      'build_date',
      'go_version',
      'compiler',
      'platform',
    ],
    registers,
  }).set(
    {
      major,
      minor,
      git_version: gitVersion,
      git_commit: gitCommit,
      git_tree_state: gitTreeState,
      build_date: buildDate,
      go_version: goVersion,
      compiler,
      platform,
    },
    1,
  );
}
