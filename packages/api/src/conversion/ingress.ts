import type { V1HTTPIngressPath, V1Ingress, V1IngressBackend, V1ObjectMeta } from '../generated/types.js';

interface OldBackend {
  serviceName?: string;
  servicePort?: number | string;
  resource?: V1IngressBackend['resource'];
}
interface OldPath {
  path?: string;
  pathType?: string;
  backend?: OldBackend;
}
interface OldRule {
  host?: string;
  http?: { paths?: OldPath[] };
}
/** Ingress of extensions/v1beta1 and networking.k8s.io/v1beta1. */
export interface OldIngress {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: { backend?: OldBackend; ingressClassName?: string; rules?: OldRule[]; tls?: unknown };
  status?: V1Ingress['status'];
}

function newBackend(old: OldBackend): V1IngressBackend {
  const backend: V1IngressBackend = {};
  if (old.resource) backend.resource = old.resource;
  if (old.serviceName !== undefined || old.servicePort !== undefined) {
    const port = typeof old.servicePort === 'string' ? { name: old.servicePort } : { number: old.servicePort };
    backend.service = { name: old.serviceName ?? '', ...(old.servicePort === undefined ? {} : { port }) };
  }
  return backend;
}

function oldBackend(backend: V1IngressBackend): OldBackend {
  const old: OldBackend = {};
  if (backend.resource) old.resource = backend.resource;
  if (backend.service) {
    old.serviceName = backend.service.name;
    const port = backend.service.port?.name ?? backend.service.port?.number;
    if (port !== undefined) old.servicePort = port;
  }
  return old;
}

/** To networking.k8s.io/v1; pathType is ImplementationSpecific where old manifests leave it out. */
export function ingressToStorage(old: OldIngress): V1Ingress {
  const { backend, rules, ...rest } = old.spec ?? {};
  return {
    ...old,
    spec: {
      ...(rest as V1Ingress['spec']),
      ...(backend ? { defaultBackend: newBackend(backend) } : {}),
      ...(rules
        ? {
            rules: rules.map((r) => ({
              ...(r.host === undefined ? {} : { host: r.host }),
              ...(r.http
                ? {
                    http: {
                      paths: (r.http.paths ?? []).map(
                        (p): V1HTTPIngressPath => ({
                          ...(p.path === undefined ? {} : { path: p.path }),
                          pathType: p.pathType ?? 'ImplementationSpecific',
                          backend: newBackend(p.backend ?? {}),
                        }),
                      ),
                    },
                  }
                : {}),
            })),
          }
        : {}),
    },
  };
}

/** From networking.k8s.io/v1. */
export function ingressFromStorage(stored: V1Ingress): OldIngress {
  const { defaultBackend, rules, ...rest } = stored.spec ?? {};
  return {
    ...stored,
    spec: {
      ...rest,
      ...(defaultBackend ? { backend: oldBackend(defaultBackend) } : {}),
      ...(rules
        ? {
            rules: rules.map((r) => ({
              ...r,
              ...(r.http
                ? { http: { paths: r.http.paths.map((p) => ({ ...p, backend: oldBackend(p.backend) })) } }
                : {}),
            })) as OldRule[],
          }
        : {}),
    },
  };
}
