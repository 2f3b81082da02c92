/**
 * How to reach and authenticate to an API server. Files win over inline values and are read again when they change,
 * so rotated certificates and tokens are used without a restart.
 */
export interface ClientConfig {
  /** Base URL, for example `https://10.0.0.1:6443`. */
  server: string;
  caPem?: string;
  caFile?: string;
  certPem?: string;
  certFile?: string;
  keyPem?: string;
  keyFile?: string;
  token?: string;
  tokenFile?: string;
  /** Name to verify the server's certificate against, where it differs from the URL's host. */
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
  userAgent?: string;
  /** Requests a second on average; 0 or absent means no limit. */
  qps?: number;
  /** Requests at once above `qps`; default 2 x qps. */
  burst?: number;
  /** Time for a whole request (not for watches) in milliseconds; default 60 000, 0 means none. */
  timeoutMs?: number;
  /** Connections kept for ordinary requests; default 32. Watches have connections of their own. */
  maxConnections?: number;
  /** Impersonate this user (Impersonate-User, Impersonate-Group). */
  impersonate?: { userName: string; groups?: string[] };
}
