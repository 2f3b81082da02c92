import type { V1Endpoints, V1Service } from '@kubelab/api';
import { newServiceUnavailable } from '@kubelab/apimachinery';
import type { ObjectAccess } from './object-access.js';

/** Where to connect for a Service, and the name that its certificate must have. */
export interface ServiceAddress {
  host: string;
  port: number;
  /** `NAME.NAMESPACE.svc` */
  serverName: string;
}

/**
 * Finds a ready endpoint of a Service for the API server's own calls (webhooks, aggregated APIs). It goes to the
 * endpoint and not to the cluster IP, so that it works also where no kube-proxy runs beside the API server.
 */
export class ServiceResolver {
  constructor(private readonly objects: ObjectAccess) {}

  /** @throws StatusError ServiceUnavailable when there is no such service, port or endpoint */
  async resolve(namespace: string, name: string, port: number): Promise<ServiceAddress> {
    const serverName = `${name}.${namespace}.svc`;
    const service = (await this.objects.get({ group: '', resource: 'services' }, namespace, name)) as unknown as
      | V1Service
      | undefined;
    if (!service) throw newServiceUnavailable(`service ${JSON.stringify(name)} not found`);
    if (service.spec?.type === 'ExternalName') return { host: service.spec.externalName ?? '', port, serverName };
    const found = (service.spec?.ports ?? []).find((p) => p.port === port);
    if (!found) throw newServiceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
    const endpoints = (await this.objects.get({ group: '', resource: 'endpoints' }, namespace, name)) as unknown as
      | V1Endpoints
      | undefined;
    const candidates: { host: string; port: number }[] = [];
    for (const subset of endpoints?.subsets ?? []) {
      for (const p of subset.ports ?? []) {
        if ((p.name ?? '') !== (found.name ?? '')) continue;
        for (const a of subset.addresses ?? []) candidates.push({ host: a.ip, port: p.port });
      }
    }
    const pick = candidates[Math.floor(Math.random() * candidates.length)];
    if (!pick) throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
    return { ...pick, serverName };
  }
}
