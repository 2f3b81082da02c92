import { Agent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { type KubeObject, newBadRequest, newNotFound } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';

export interface KubeletConnectionOptions {
  /** --kubelet-client-certificate and --kubelet-client-key, PEM. */
  certPem?: string;
  keyPem?: string;
  /** --kubelet-certificate-authority, PEM. Without it the kubelets' certificates are not verified, as in Kubernetes. */
  caPem?: string;
  /** --kubelet-preferred-address-types */
  preferredAddressTypes: string[];
}

interface NodeStatus {
  addresses?: { type: string; address: string }[];
  daemonEndpoints?: { kubeletEndpoint?: { Port?: number } };
}

const host = (address: string) => (address.includes(':') ? `[${address}]` : address);

/** Knows how to reach the kubelet of a node. */
export class KubeletConnection {
  readonly tls: ConnectionOptions;
  readonly agent: Agent;

  constructor(
    private readonly objects: ObjectAccess,
    private readonly o: KubeletConnectionOptions,
  ) {
    this.tls = {
      ...(o.certPem ? { cert: o.certPem } : {}),
      ...(o.keyPem ? { key: o.keyPem } : {}),
      ...(o.caPem ? { ca: o.caPem, rejectUnauthorized: true } : { rejectUnauthorized: false }),
    };
    this.agent = new Agent({ ...this.tls, keepAlive: true, maxFreeSockets: 8 });
  }

  /** The kubelet's base URL. @throws StatusError NotFound, BadRequest when the node has no address */
  async urlOf(nodeName: string): Promise<URL> {
    const nodes = { group: '', resource: 'nodes' };
    const node = await this.objects.get(nodes, '', nodeName);
    if (!node) throw newNotFound(nodes, nodeName);
    const status = (node.status ?? {}) as NodeStatus;
    const address = this.addressOf(node);
    return new URL(`https://${host(address)}:${status.daemonEndpoints?.kubeletEndpoint?.Port || 10250}`);
  }

  /** The address by which the API server reaches a node. */
  addressOf(node: KubeObject): string {
    const addresses = ((node.status ?? {}) as NodeStatus).addresses ?? [];
    for (const type of this.o.preferredAddressTypes) {
      const found = addresses.find((a) => a.type === type);
      if (found) return found.address;
    }
    throw newBadRequest(
      `no preferred addresses found; known addresses: [${addresses.map((a) => `{${a.type} ${a.address}}`).join(' ')}]`,
    );
  }

  close(): void {
    this.agent.destroy();
  }
}
