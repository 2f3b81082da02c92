/** What the proxy serves, free of Kubernetes' kinds: made by compile.ts, written down by nginx-config.ts. */
export interface ProxyModel {
  /** By host; '' is every other host. */
  servers: Server[];
  upstreams: Upstream[];
}

export interface Server {
  /** `a.example`, `*.example` (one label), or '' for the default. */
  host: string;
  /** Name of the certificate among `Certificate.name`; undefined: plain HTTP only. */
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
  path: string;
  /** `exact`: this path alone; `prefix`: the path and what lies below it, element by element. */
  match: 'exact' | 'prefix';
  /** Undefined: there is no backend to ask (503). */
  upstream: string | undefined;
  /** `namespace/name` of the Ingress, for logs. */
  ingress: string;
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

export interface Upstream {
  /** Unique, fit for a configuration name. */
  name: string;
  /** `ip:port` of ready endpoints; never empty. */
  endpoints: string[];
}
