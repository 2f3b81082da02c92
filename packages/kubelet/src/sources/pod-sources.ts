import type { V1Node, V1Pod } from '@kubelab/api';
import { gvr, type Informer, type InformerFactory } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import type { KubeletConfig } from '../config.js';
import type { NodeAgent } from '../node/node-agent.js';
import type { PodManager } from '../pod/manager.js';
import { FileSource } from './file-source.js';
import { StaticPods } from './static-pods.js';
import { followUrl } from './url-source.js';

export interface PodSourcesOptions {
  config: KubeletConfig;
  informers: InformerFactory;
  pods: PodManager;
  nodeAgent: Pick<NodeAgent, 'observe'>;
  logger: Logger;
}

/** Where pods come from: manifest files, a manifest URL, and the API server's pods bound to this node. */
export class PodSources {
  private files: FileSource | undefined;

  constructor(private readonly o: PodSourcesOptions) {}

  /** Reads static pods; resolves when the files are read. `url` ends with the signal. */
  async start(signal: AbortSignal): Promise<{ url: Promise<void> }> {
    const { config, logger, pods } = this.o;
    const { options, nodeName } = config;
    const path = options.optionalString('pod-manifest-path');
    if (path) {
      const fromFiles = new StaticPods(pods);
      const checkMs = options.durationMs('file-check-frequency');
      this.files = new FileSource({ path, nodeName, checkMs, logger }, (found) => fromFiles.replace(found));
      await this.files.start();
    }
    const url = options.optionalString('manifest-url');
    if (!url) return { url: Promise.resolve() };
    const fromUrl = new StaticPods(pods);
    const headers = parseHeaders(options.strings('manifest-url-header'));
    const checkMs = options.durationMs('http-check-frequency');
    const follow = { url, headers, nodeName, checkMs, logger };
    return { url: followUrl(follow, (found) => fromUrl.replace(found), signal) };
  }

  /** Follows this node's own object. */
  followNode(): void {
    const { config, informers, nodeAgent } = this.o;
    const informer = informers.informer<V1Node>(gvr.nodes, { fieldSelector: `metadata.name=${config.nodeName}` });
    informer.addEventHandler({
      add: (node) => nodeAgent.observe(node),
      update: (_old, node) => nodeAgent.observe(node),
    });
  }

  /** The informer of this node's pods, its events led to the manager. */
  apiPods(): Informer<V1Pod> {
    const { config, informers, pods } = this.o;
    const informer = informers.informer<V1Pod>(gvr.pods, { fieldSelector: `spec.nodeName=${config.nodeName}` });
    const named = (pod: V1Pod): V1Pod => ({ ...pod, apiVersion: 'v1', kind: 'Pod' });
    informer.addEventHandler({
      add: (pod) => pods.setApiPod(named(pod)),
      update: (_old, pod) => pods.setApiPod(named(pod)),
      delete: (pod) => pods.removeApiPod(pod),
    });
    return informer;
  }

  stop(): void {
    this.files?.stop();
  }
}

function parseHeaders(items: string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((text) => {
      const colon = text.indexOf(':');
      return [text.slice(0, colon), text.slice(colon + 1)];
    }),
  );
}
