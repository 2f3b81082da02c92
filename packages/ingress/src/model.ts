/** What the proxy serves, free of Kubernetes' kinds: made by compile.ts, written down by nginx-config.ts. */
export interface ProxyModel {
  /** By host; '' is every other host. */
  servers: Server[];
  upstreams: Upstream[];
}

export interface Server {
  /** `a.example`, `*.example` (one label), or '' for the default. */
  host: string;
  /** Undefined: plain HTTP only. */
  certificate: Certificate | undefined;
  locations: Location[];
}

export interface Certificate {
  /** Unique, fit for a file name. */
  name: string;
  certPem: string;
  keyPem: string;
}

export interface Location {
  /** As it is after decoding, `/a b`. */
  path: string;
  /** `exact`: this path alone; `prefix`: the path and what lies below it, element by element. */
  match: 'exact' | 'prefix';
  /** Undefined: there is no backend that could be asked (503). */
  upstream: string | undefined;
  /** `namespace/name` of the Ingress, for logs. */
  ingress: string;
  /** From a default backend, not a rule. */
  isDefault: boolean;
  /** HTTP requests are sent to HTTPS. */
  redirectToTls: boolean;
  /** The backend speaks TLS. */
  backendTls: boolean;
  /** Bytes with nginx' suffixes, `8m`. */
  maxBody: string | undefined;
  /** Path sent to the backend instead of the matched part. */
  rewrite: string | undefined;
  readTimeoutSeconds: number | undefined;
}

/** Where requests go: known to nginx' workers by name, so that endpoints change without another configuration. */
export interface Upstream {
  /** `namespace/service/port`, the port as the Ingress names it. Unique. */
  name: string;
  /** `ip:port` of ready endpoints, sorted; may be empty. */
  endpoints: string[];
}
