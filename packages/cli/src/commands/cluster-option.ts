import type { OptionSpecs, OptionValues } from '@kubelab/component-base';
import { type ClusterConfig, readClusterConfig } from '../cluster/config.js';
import { defaultClusterName, type Layout, layoutOf } from '../cluster/layout.js';
import { UsageError } from '../command.js';

/** The option that every command has: which cluster of this machine is meant. */
export const clusterOption: OptionSpecs = {
  name: {
    type: 'string',
    default: defaultClusterName,
    description: 'Name of the cluster on this machine; others than the default have folders of their own',
  },
};

/** The folders of the named cluster. Names are short, since interfaces and chains carry them. */
export function layoutFrom(options: OptionValues): Layout {
  const name = options.string('name');
  if (!/^[a-z][a-z0-9]{0,7}$/.test(name)) {
    throw new UsageError(`--name=${name}: a name is 1 to 8 lower-case letters and digits, a letter first`);
  }
  return layoutOf(name);
}

/** The configuration of the named cluster; a UsageError when there is none. */
export function existingCluster(options: OptionValues): { layout: Layout; config: ClusterConfig } {
  const layout = layoutFrom(options);
  const config = readClusterConfig(layout);
  if (!config) {
    throw new UsageError(`there is no cluster ${layout.name} on this machine (${layout.configFile} is missing)`);
  }
  return { layout, config };
}
