import { readFileSync } from 'node:fs';
import { Client, loadKubeconfig } from '@kubelab/client';
import { caCertHash } from '@kubelab/pki';
import { apiServerUrl, readClusterConfig, writeClusterConfig } from '../cluster/config.js';
import type { Command } from '../command.js';
import { ensureAddons } from '../phases/addons.js';
import { ensureBootstrapObjects } from '../phases/bootstrap-objects.js';
import { ensureControlPlane } from '../phases/control-plane.js';
import { createToken } from '../phases/token.js';
import { Report } from '../report.js';
import { addonOptions, withAddonOptions } from './addon-options.js';
import { clusterOption, layoutFrom } from './cluster-option.js';
import { networkOptions, newClusterConfig } from './network-options.js';

export const init: Command = {
  name: 'init',
  summary: 'Make this machine a control plane that other machines join',
  options: { ...clusterOption, ...networkOptions, ...addonOptions },
  async run(options) {
    const layout = layoutFrom(options);
    const report = new Report();
    const known = readClusterConfig(layout) ?? newClusterConfig(options, layout.name, 'control-plane', []);
    const config = withAddonOptions(known, options);
    writeClusterConfig(layout, config);
    await ensureControlPlane(layout, config, report);
    const client = new Client({ ...loadKubeconfig(layout.adminKubeconfig), userAgent: 'kubelab' });
    await report.step('bootstrap objects', () => ensureBootstrapObjects(client, layout, config));
    await report.step('addons', () => ensureAddons(client, config));
    const { token } = await createToken(client, 24 * 3_600_000, 'made by kubelab init');
    const hash = caCertHash(readFileSync(`${layout.pkiDir}/ca.crt`, 'utf8'));
    report.line('');
    report.line('The control plane is up. On each machine that is to be a node (the token holds for 24 hours):');
    report.line(`  scripts/kubelab join --server=${apiServerUrl(config)} --token=${token} --ca-cert-hash=${hash}`);
    report.line('To use this machine as a node too, run the same command here.');
    report.line(`  export KUBECONFIG=${layout.adminKubeconfig}`);
  },
};
