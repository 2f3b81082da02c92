import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import type { V1Node } from '@kubelab/api';
import type { ClientConfig } from '@kubelab/client';

export interface KubeletClientOptions {
  /** Whose credentials are shown to the kubelets: the service account's token, or the kubeconfig's certificate. */
  credentials: ClientConfig;
  /** In order of preference: InternalIP, Hostname, ... */
  addressTypes: string[];
  /** Port of all kubelets; undefined takes each node's own (status.daemonEndpoints). */
  port?: number;
  /** Kubelets' serving certificates are not checked (they are self-signed unless the cluster signs them). */
  insecureTls: boolean;
  /** Authority of the serving certificates; default that of the API server. */
  caPem?: string;
}

/** Reads the kubelets' /metrics/resource. */
export class KubeletClient {
  private readonly agent: Agent;

  constructor(private readonly options: KubeletClientOptions) {
    const { credentials, insecureTls, caPem } = options;
    this.agent = new Agent({
      keepAlive: true,
      maxFreeSockets: 256,
      rejectUnauthorized: !insecureTls,
      ...(caPem ? { ca: caPem } : {}),
      ...(credentials.certPem ? { cert: credentials.certPem } : {}),
      ...(credentials.keyPem ? { key: credentials.keyPem } : {}),
    });
  }

  /** The text of the node's resource metrics. Rejects when the kubelet does not answer as it should. */
  async resourceMetrics(node: V1Node, signal: AbortSignal): Promise<string> {
    const host = this.addressOf(node);
    const port = this.options.port ?? node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250;
    const { token, tokenFile } = this.options.credentials;
    // Read each time: the kubelet of this pod renews it.
    const bearer = tokenFile ? (await readFile(tokenFile, 'utf8')).trim() : token;
    const headers = bearer ? { authorization: `Bearer ${bearer}` } : {};
    return new Promise((resolve, reject) => {
      const req = request({ host, port, path: '/metrics/resource', agent: this.agent, headers, signal }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          if (res.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
          else reject(new Error(`request failed, status: "${res.statusCode} ${res.statusMessage}"`));
        });
      });
      req.on('error', reject);
      req.end();
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private addressOf(node: V1Node): string {
    const addresses = node.status?.addresses ?? [];
    for (const type of this.options.addressTypes) {
      const found = addresses.find((address) => address.type === type);
      if (found) return found.address;
    }
    throw new Error(`node ${node.metadata?.name} had no addresses that matched types [${this.options.addressTypes}]`);
  }
}
