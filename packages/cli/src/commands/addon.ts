import { Client, loadKubeconfig } from '@kubelab/client';
import type { OptionValues } from '@kubelab/component-base';
import { addonsOf, allAddons, checkAddonNames } from '../cluster/addons.js';
import { type ClusterConfig, writeClusterConfig } from '../cluster/config.js';
import type { Layout } from '../cluster/layout.js';
import { type Command, UsageError } from '../command.js';
import { ensureNodeImages } from '../images/node-images.js';
import { ownImages } from '../images/own-images.js';
import { ensureAddons, removeAddon, reportAddonReady } from '../phases/addons.js';
import { ensureBootstrapObjects } from '../phases/bootstrap-objects.js';
import { imageStoresOf } from '../phases/image-stores.js';
import { Report } from '../report.js';
import { clusterOption, existingCluster } from './cluster-option.js';

export const addonEnable: Command = {
  name: 'addon enable',
  arguments: 'NAME',
  summary: 'Add a part that runs in the cluster (`addon list` has them)',
  options: clusterOption,
  async run(options, names) {
    const { layout, config, name, client } = open(options, names);
    const enabled = { ...config, addons: [...new Set([...config.addons, name])] };
    const report = new Report();
    writeClusterConfig(layout, enabled);
    // Machines that join later read there which images they need.
    await ensureBootstrapObjects(client, layout, enabled);
    const here = imageStoresOf(layout, enabled);
    await report.step('images', () => ensureNodeImages(here, ownImages(addonsOf(enabled.addons))));
    await report.step('addons', () => ensureAddons(client, enabled));
    await reportAddonReady(client, enabled, name, here, report);
  },
};

export const addonDisable: Command = {
  name: 'addon disable',
  arguments: 'NAME',
  summary: 'Remove an addon from the cluster',
  options: clusterOption,
  async run(options, names) {
    const { layout, config, name, client } = open(options, names);
    if (allAddons().some((addon) => addon.name === name && addon.required)) {
      throw new UsageError(`a cluster needs the addon ${name}`);
    }
    const disabled = { ...config, addons: config.addons.filter((addon) => addon !== name) };
    writeClusterConfig(layout, disabled);
    await ensureBootstrapObjects(client, layout, disabled);
    await removeAddon(client, disabled, name);
    process.stdout.write(`addon ${name} is disabled\n`);
  },
};

export const addonList: Command = {
  name: 'addon list',
  summary: 'List the addons and which of them the cluster has',
  options: clusterOption,
  async run(options) {
    const enabled = addonsOf(existingCluster(options).config.addons);
    process.stdout.write('NAME            ENABLED  DESCRIPTION\n');
    for (const addon of allAddons()) {
      const state = enabled.includes(addon) ? 'yes' : 'no';
      process.stdout.write(`${addon.name.padEnd(14)}  ${state.padEnd(7)}  ${addon.summary}\n`);
    }
  },
};

function open(
  options: OptionValues,
  names: string[],
): { layout: Layout; config: ClusterConfig; name: string; client: Client } {
  const { layout, config } = existingCluster(options);
  const [name, ...more] = names;
  if (!name || more.length > 0) {
    throw new UsageError('which addon? Give one name');
  }
  checkAddonNames([name]);
  const client = new Client({ ...loadKubeconfig(layout.adminKubeconfig), userAgent: 'kubelab' });
  return { layout, config, name, client };
}
