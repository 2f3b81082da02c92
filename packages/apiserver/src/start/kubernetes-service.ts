import { deepEqual, isAlreadyExists, isConflict, isNotFound, type KubeObject } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { ObjectAccess } from '../object-access.js';

const namespace = 'default';
const name = 'kubernetes';
const services = { group: '', resource: 'services' };
const endpoints = { group: '', resource: 'endpoints' };
const endpointSlices = { group: 'discovery.k8s.io', resource: 'endpointslices' };
const leases = { group: 'coordination.k8s.io', resource: 'leases' };

/** How often each server shows that it lives, and after how long without that its address is taken out. */
export const heartbeatMs = 10_000;
const expiryMs = 30_000;
const leasePrefix = 'kubelab-apiserver-';

export interface KubernetesServiceOptions {
  /** The address that other machines reach this server by. */
  advertiseAddress: string;
  port: number;
  /** The first address of the Service range. */
  clusterIp: string;
  /** Takes the addresses that a new Service names; returns how to give them back. */
  allocate(service: KubeObject): Promise<() => Promise<void>>;
}

/**
 * Keeps default/kubernetes: the Service and the endpoints of the API servers that live. Each server renews a Lease in
 * kube-system that carries its address, and writes the union of those that are fresh, so that any number of servers
 * agree and a dead one disappears (Kubernetes' lease endpoint reconciler).
 */
export class KubernetesService {
  constructor(
    private readonly objects: ObjectAccess,
    private readonly options: KubernetesServiceOptions,
    private readonly logger: Logger,
  ) {}

  /** Runs one round; errors are thrown for the caller to retry at the next heartbeat. */
  async reconcile(): Promise<void> {
    await this.ensureService();
    await this.renewLease();
    await this.writeEndpoints(await this.livingAddresses());
  }

  /** Takes this server's address out at a clean stop. */
  async withdraw(): Promise<void> {
    try {
      await this.objects.delete(leases, 'kube-system', this.leaseName());
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
    const rest = await this.livingAddresses();
    // The last server leaves its address: clients that come back find it where it was.
    if (rest.length > 0) {
      await this.writeEndpoints(rest);
    }
  }

  private async ensureService(): Promise<void> {
    if (await this.objects.get(services, namespace, name, { consistent: true })) {
      return;
    }
    const { clusterIp } = this.options;
    const service: KubeObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name, labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: {
        clusterIP: clusterIp,
        clusterIPs: [clusterIp],
        internalTrafficPolicy: 'Cluster',
        ipFamilies: [clusterIp.includes(':') ? 'IPv6' : 'IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: this.options.port }],
        sessionAffinity: 'None',
        type: 'ClusterIP',
      },
      status: { loadBalancer: {} },
    };
    const undo = await this.options.allocate(service);
    try {
      await this.objects.create(services, service);
      this.logger.info('Created the kubernetes Service', { clusterIp });
    } catch (error) {
      await undo();
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }

  private leaseName(): string {
    return leasePrefix + this.options.advertiseAddress.replace(/[^a-z0-9]/g, '-');
  }

  private async renewLease(): Promise<void> {
    const spec = {
      holderIdentity: this.options.advertiseAddress,
      leaseDurationSeconds: expiryMs / 1000,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    };
    const current = await this.objects.get(leases, 'kube-system', this.leaseName(), { consistent: true });
    try {
      if (current) {
        await this.objects.update(leases, { ...current, spec });
      } else {
        await this.objects.create(leases, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: {
            namespace: 'kube-system',
            name: this.leaseName(),
            labels: { 'apiserver.kubernetes.io/identity': 'kube-apiserver' },
          },
          spec,
        });
      }
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) {
        throw error;
      }
    }
  }

  private async livingAddresses(): Promise<string[]> {
    const all = await this.objects.list(leases, 'kube-system', { consistent: true });
    const living = all.flatMap((lease) => {
      const spec = lease.spec as { holderIdentity?: string; renewTime?: string } | undefined;
      const fresh = Date.now() - Date.parse(spec?.renewTime ?? '') < expiryMs;
      return lease.metadata.name?.startsWith(leasePrefix) && spec?.holderIdentity && fresh ? [spec.holderIdentity] : [];
    });
    return [...new Set(living)].sort();
  }

  private async writeEndpoints(addresses: string[]): Promise<void> {
    const { port } = this.options;
    const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    await this.write(endpoints, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { namespace, name, labels },
      subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
    });
    await this.write(endpointSlices, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
      addressType: this.options.advertiseAddress.includes(':') ? 'IPv6' : 'IPv4',
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    });
  }

  private async write(resource: { group: string; resource: string }, wanted: KubeObject): Promise<void> {
    const current = await this.objects.get(resource, namespace, name, { consistent: true });
    try {
      if (!current) {
        await this.objects.create(resource, wanted);
        return;
      }
      const next = { ...current, ...wanted, metadata: { ...current.metadata, labels: wanted.metadata.labels } };
      if (!deepEqual(next, current)) {
        await this.objects.update(resource, next);
      }
    } catch (error) {
      // Another server wrote the same a moment ago; the next round looks again.
      if (!isConflict(error) && !isAlreadyExists(error)) {
        throw error;
      }
    }
  }
}
