import { createHmac, timingSafeEqual } from 'node:crypto';
import { request } from 'node:https';
import { caCertHash } from '@kubelab/pki';
import { parse } from 'yaml';
import { AbortWait } from '../process/wait.js';
import { parseToken } from './token.js';

export interface DiscoveryOptions {
  server: string;
  token: string;
  /** `sha256:HEX` of the authority's public key; without it the token's signature alone is trusted. */
  caCertHash?: string;
}

/**
 * Learns the cluster's authority as `kubeadm join` does: cluster-info is fetched from a server that is not trusted yet,
 * its signature (a detached JWS, HS256 with the token's secret) and the pin of the authority are checked, and it is
 * fetched again over TLS verified by that authority. Throws AbortWait when what came is wrong; other errors may pass.
 */
export async function discoverCluster(options: DiscoveryOptions): Promise<{ caPem: string }> {
  const first = await fetchClusterInfo(options.server);
  verifySignature(first.data ?? {}, options.token);
  const config = parse(first.data?.kubeconfig ?? '') as {
    clusters?: { cluster?: { 'certificate-authority-data'?: string } }[];
  } | null;
  const encoded = config?.clusters?.[0]?.cluster?.['certificate-authority-data'];
  if (!encoded) {
    throw new AbortWait('cluster-info of the API server names no certificate authority');
  }
  const caPem = Buffer.from(encoded, 'base64').toString();
  if (options.caCertHash && caCertHash(caPem) !== options.caCertHash) {
    throw new AbortWait(
      `the cluster's certificate authority has the hash ${caCertHash(caPem)}, not the one given with --ca-cert-hash`,
    );
  }
  const second = await fetchClusterInfo(options.server, caPem);
  if (second.data?.kubeconfig !== first.data?.kubeconfig) {
    throw new AbortWait('cluster-info differs when fetched over a verified connection');
  }
  return { caPem };
}

interface ClusterInfo {
  data?: Record<string, string>;
}

function fetchClusterInfo(server: string, ca?: string): Promise<ClusterInfo> {
  const url = new URL('/api/v1/namespaces/kube-public/configmaps/cluster-info', server);
  return new Promise((resolve, reject) => {
    const req = request(url, { ca, rejectUnauthorized: ca !== undefined, timeout: 5000, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (res.statusCode !== 200) {
          reject(new Error(`${url}: HTTP ${res.statusCode} ${body.slice(0, 200)}`));
          return;
        }
        try {
          resolve(JSON.parse(body) as ClusterInfo);
        } catch (cause) {
          reject(new Error(`${url}: the answer is not JSON`, { cause }));
        }
      });
    });
    req.on('timeout', () => req.destroy(new Error(`${url}: no answer`)));
    req.on('error', reject);
    req.end();
  });
}

function verifySignature(data: Record<string, string>, token: string): void {
  const { id, secret } = parseToken(token);
  const jws = data[`jws-kubeconfig-${id}`];
  if (!jws) {
    // The signer writes it shortly after a token was made: worth another try.
    throw new Error(`cluster-info is not signed with the token ${id} (is the token known and not expired?)`);
  }
  const [header = '', , signature = ''] = jws.split('.');
  const payload = Buffer.from(data.kubeconfig ?? '').toString('base64url');
  const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new AbortWait('the signature of cluster-info does not fit the token');
  }
}
