import { isNotFound } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { addonsOf } from '../cluster/addons.js';
import type { ClusterConfig } from '../cluster/config.js';
import { waitFor } from '../process/wait.js';
import type { Report } from '../report.js';
import { readAddonManifest } from './addon-manifest.js';
import { ensureObject } from './ensure-object.js';

/** Creates what the manifests of the cluster's addons hold. */
export async function ensureAddons(client: Client, config: ClusterConfig): Promise<string> {
  const names = addonsOf(config.addons).map((addon) => addon.name);
  for (const name of names) {
    for (const { address, object } of readAddonManifest(name, config)) {
      await ensureObject(client, address, object);
    }
  }
  return `addons: ${names.join(', ')}`;
}

/** Removes the objects of an addon, and what they own; the last made goes first. Those that are gone are passed over. */
export async function removeAddon(client: Client, config: ClusterConfig, name: string): Promise<void> {
  for (const { address, object } of readAddonManifest(name, config).reverse()) {
    const all = client.resource(address);
    const { namespace, name: objectName = '' } = object.metadata;
    try {
      await (namespace ? all.namespace(namespace) : all).delete(objectName, { propagationPolicy: 'Background' });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}

interface DaemonSetStatus {
  observedGeneration?: number;
  desiredNumberScheduled?: number;
  numberReady?: number;
}

/**
 * Waits until an addon runs on every node. Machines that joined from elsewhere make its image when `join` is run on them
 * again: with such nodes that is said, instead of waiting for it.
 */
export async function reportAddonReady(
  client: Client,
  config: ClusterConfig,
  name: string,
  here: { nodeName: string }[],
  report: Report,
): Promise<void> {
  const nodes = await client.resource({ group: '', version: 'v1', resource: 'nodes' }).list();
  const elsewhere = nodes.items
    .map((node) => node.metadata.name ?? '')
    .filter((node) => !here.some((known) => known.nodeName === node));
  if (elsewhere.length > 0) {
    report.line(`  Addon ${name}: run \`scripts/kubelab join\` on ${elsewhere.join(', ')}, where it makes the image.`);
    return;
  }
  await report.step(name, () => waitAddonReady(client, config, name));
}

/** Waits until the DaemonSets of an addon are ready on every node. */
async function waitAddonReady(
  client: Client,
  config: ClusterConfig,
  name: string,
  timeoutMs = 180_000,
): Promise<string> {
  for (const { address, object } of readAddonManifest(name, config)) {
    if (object.kind !== 'DaemonSet') {
      continue;
    }
    const { namespace = '', name: objectName = '' } = object.metadata;
    await waitFor(
      async () => {
        const now = await client.resource(address).namespace(namespace).get(objectName);
        const status = (now.status ?? {}) as DaemonSetStatus;
        const wanted = status.desiredNumberScheduled ?? 0;
        const isCurrent = (status.observedGeneration ?? 0) >= Number(now.metadata.generation ?? 0);
        return isCurrent && wanted > 0 && status.numberReady === wanted;
      },
      { what: `${object.kind} ${namespace}/${objectName} to be ready`, timeoutMs, intervalMs: 200 },
    );
  }
  return `addon ${name} is ready`;
}
