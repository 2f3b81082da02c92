import { existsSync, mkdirSync } from 'node:fs';
import { isUnauthorized } from '@kubelab/apimachinery';
import { Client, loadKubeconfig } from '@kubelab/client';
import { kubeconfig, writePublicFile, writeSecretFile } from '@kubelab/pki';
import { primaryIpv6Address } from '../cluster/address.js';
import type { NodeLayout } from '../cluster/layout.js';
import { networkModesOf } from '../cluster/network-modes.js';
import { type NodeConfig, readNodeConfig, writeNodeConfig } from '../cluster/node-config.js';
import { criAnswers } from '../components/cri-runtime.js';
import { dockerAnswers, ownCgroupDriver, ownDockerSocket } from '../components/dockerd.js';
import { cniConfDirOf, nodeAgentName } from '../components/node-agent.js';
import { nodeProcesses } from '../components/processes.js';
import { waitFor } from '../process/wait.js';
import type { Report } from '../report.js';
import type { SupervisorClient } from '../supervise/control-socket.js';
import { type NodeClusterSettings, settingsConfigMap } from './bootstrap-objects.js';
import { ensureProcess } from './control-plane.js';
import { discoverCluster } from './discovery.js';
import { ensureIpvs } from './ipvs.js';

export const systemDockerSocket = '/var/run/docker.sock';

export interface JoinOptions {
  clusterName: string;
  server: string;
  token: string;
  caCertHash?: string;
  nodeName: string;
  nodeIp: string;
  cgroupRoot: string;
  /** `auto` takes the machine's Docker when it answers, `own` always starts one, else a socket's path. */
  docker: string;
  /** CRI socket of a runtime to use in the place of Docker. */
  criEndpoint: string | undefined;
}

/**
 * Makes this machine a node: discovers the cluster, writes the bootstrap kubeconfig, has Docker if it must, the CRI
 * shim and the node agent started, which asks for its certificate by a CSR. A machine that has joined already needs no token:
 * what does not run is started. `loadImages` is called once Docker runs, before a pod can come and look for its image.
 */
export async function joinNode(
  node: NodeLayout,
  options: JoinOptions | undefined,
  report: Report,
  supervisor: SupervisorClient,
  loadImages?: (config: NodeConfig) => Promise<string>,
): Promise<NodeConfig> {
  let config = readNodeConfig(node);
  if (!config || (!existsSync(node.kubeconfig) && options)) {
    if (!options) {
      throw new Error('this machine has not joined a cluster: --server and --token are needed');
    }
    const joined = options;
    await report.step('discovery', async () => {
      config = await discover(node, joined);
      return `discovered ${joined.server}`;
    });
  }
  const decided = config as NodeConfig;
  if (existsSync(node.kubeconfig)) {
    await refreshSettings(node, decided, report);
  }
  for (const dir of [
    `${node.etcDir}/manifests`,
    cniConfDirOf(node, decided),
    node.stateDir,
    node.runDir,
    node.logDir,
  ]) {
    mkdirSync(dir, { recursive: true });
  }
  for (const spec of nodeProcesses(node, decided)) {
    if (spec.name === nodeAgentName && loadImages) {
      await report.step('images', () => loadImages(decided));
    }
    await report.step(spec.name, () => ensureProcess(supervisor, spec));
  }
  return decided;
}

/** Asks which addons and flags the cluster has by now. Without an answer, what was known last holds: processes must start anyway. */
async function refreshSettings(node: NodeLayout, config: NodeConfig, report: Report): Promise<void> {
  try {
    const settings = await readSettings(new Client({ ...loadKubeconfig(node.kubeconfig), timeoutMs: 5000 }));
    config.addons = settings?.addons ?? config.addons;
    config.extraFlags = settings?.kubeletFlags ?? config.extraFlags;
    writeNodeConfig(node, config);
  } catch (error) {
    report.line(`  the cluster's settings are not known: ${(error as Error).message}`);
  }
}

async function discover(node: NodeLayout, options: JoinOptions): Promise<NodeConfig> {
  const { caPem } = await waitFor(() => discoverCluster(options), {
    what: `cluster-info of ${options.server}`,
    timeoutMs: 60_000,
  });
  const client = new Client({ server: options.server, caPem, token: options.token });
  const settings = await waitFor(() => readSettings(client), { what: 'the cluster settings', timeoutMs: 30_000 });
  if (networkModesOf(settings).proxyMode === 'ipvs') await ensureIpvs();
  writePublicFile(node.caFile, caPem);
  writeSecretFile(
    node.bootstrapKubeconfig,
    kubeconfig({
      clusterName: options.clusterName,
      server: options.server,
      caPem,
      userName: 'kubelet-bootstrap',
      token: options.token,
    }),
  );
  if (options.criEndpoint) await criAnswers(options.criEndpoint);
  const config: NodeConfig = {
    nodeName: options.nodeName,
    nodeIp: withIpv6(options.nodeIp, settings),
    podCidr: settings.podCidr,
    clusterDns: settings.clusterDns,
    clusterDomain: settings.clusterDomain,
    ...networkModesOf(settings),
    cgroupRoot: options.cgroupRoot,
    ...(options.criEndpoint
      ? { ownDocker: false, dockerSocket: '', criEndpoint: options.criEndpoint }
      : await chooseDocker(node, options.docker)),
    addons: settings.addons,
    extraFlags: settings.kubeletFlags,
  };
  writeNodeConfig(node, config);
  return config;
}

async function chooseDocker(
  node: NodeLayout,
  docker: string,
): Promise<Pick<NodeConfig, 'ownDocker' | 'dockerSocket' | 'cgroupDriver'>> {
  const useSystem = docker === 'auto' && (await dockerAnswers(systemDockerSocket));
  const ownDocker = docker === 'own' || (docker === 'auto' && !useSystem);
  const given = docker === 'auto' ? systemDockerSocket : docker;
  if (!ownDocker) return { ownDocker, dockerSocket: given };
  return { ownDocker, dockerSocket: ownDockerSocket(node), cgroupDriver: ownCgroupDriver() };
}

/** In a dual-stack cluster a node has an address of each family, where the machine has one. */
function withIpv6(nodeIp: string, settings: NodeClusterSettings): string {
  const isWanted = settings.podCidr.includes(':') && !nodeIp.includes(':');
  return [nodeIp, isWanted ? primaryIpv6Address() : undefined].filter(Boolean).join(',');
}

async function readSettings(client: Client): Promise<NodeClusterSettings | undefined> {
  const { namespace, name, key } = settingsConfigMap;
  try {
    const map = await client
      .resource({ group: '', version: 'v1', resource: 'configmaps' })
      .namespace(namespace)
      .get(name);
    const text = (map.data as Record<string, string> | undefined)?.[key];
    if (!text) {
      return undefined;
    }
    const settings = JSON.parse(text) as NodeClusterSettings;
    // A control plane that was made before there were these names none.
    return {
      ...settings,
      ...networkModesOf(settings),
      addons: settings.addons ?? [],
      kubeletFlags: settings.kubeletFlags ?? {},
    };
  } catch (error) {
    if (isUnauthorized(error)) {
      throw new Error('the API server does not accept the token (is it expired?)', { cause: error });
    }
    throw error;
  }
}
