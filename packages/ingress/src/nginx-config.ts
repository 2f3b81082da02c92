import type { Location, ProxyModel, Server } from './model.js';

export interface NginxSettings {
  httpPort: number;
  httpsPort: number;
  /** Directory of this controller's own, for the pid file, temporary files and certificates. */
  dir: string;
  /** Answers /healthz on 127.0.0.1 here. */
  statusPort: number;
  workers: number;
  /** Listen on IPv6 too. */
  ipv6: boolean;
  /** User of the workers; undefined: as started. */
  user: string | undefined;
}

/** The whole nginx configuration. The same model always gives the same text. */
export function renderNginx(m: ProxyModel, s: NginxSettings): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${s.user ? `user ${s.user};\n` : ''}worker_processes ${s.workers};
pid ${s.dir}/nginx.pid;
error_log stderr warn;
daemon off;
# Old workers finish what they have, but not for ever.
worker_shutdown_timeout 240s;
events { worker_connections 4096; multi_accept on; }
http {
  access_log off;
  server_tokens off;
  keepalive_timeout 75s;
  client_max_body_size 1m;
  server_names_hash_bucket_size 256;
  server_names_hash_max_size 4096;
${temporary.map((t) => `  ${t}_temp_path ${s.dir}/tmp-${t};`).join('\n')}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_connect_timeout 5s;
  # An endpoint that is going away refuses: the next one is asked, if the request has not been sent yet.
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:SSL:10m;

${[...m.upstreams]
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(upstream)
  .join('')}
  server {
    listen 127.0.0.1:${s.statusPort};
    location = /healthz { return 200 'ok'; }
    location = /status { stub_status; }
  }
${[...m.servers]
  .sort((a, b) => (a.host < b.host ? -1 : 1))
  .map((v) => server(v, s, m))
  .join('')}}
`;
}

function upstream(u: { name: string; endpoints: string[] }): string {
  const lines = u.endpoints.map((e) => `    server ${e} max_fails=1 fail_timeout=2s;`).join('\n');
  return `  upstream ${u.name} {\n    random two least_conn;\n${lines}\n    keepalive 64;\n  }\n`;
}

/** A wildcard stands for exactly one label (networking/v1 IngressRule.host); nginx' own would take several. */
function serverName(host: string): string {
  if (host === '') return '_';
  return host.startsWith('*.') ? `~^[^.]+${host.slice(1).replace(/\./g, '\\.')}$` : host;
}

function server(v: Server, s: NginxSettings, m: ProxyModel): string {
  const isDefault = v.host === '' ? ' default_server' : '';
  const listen = (port: number, rest: string) =>
    ['', ...(s.ipv6 ? ['[::]:'] : [])].map((address) => `listen ${address}${port}${rest};`);
  const lines = listen(s.httpPort, isDefault);
  const anyTls = m.servers.some((x) => x.certificate);
  if (v.certificate) {
    lines.push(...listen(s.httpsPort, ` ssl${isDefault}`));
    lines.push(`ssl_certificate ${s.dir}/certs/${v.certificate.name}.crt;`);
    lines.push(`ssl_certificate_key ${s.dir}/certs/${v.certificate.name}.key;`);
  } else if (anyTls && v.host === '') {
    // No certificate fits an unknown name: better no handshake than somebody else's certificate.
    lines.push(...listen(s.httpsPort, ' ssl default_server'));
    lines.push('ssl_reject_handshake on;');
  }
  lines.push(`server_name ${serverName(v.host)};`);
  const exact = new Set(v.locations.filter((l) => l.match === 'exact').map((l) => l.path));
  for (const l of v.locations) lines.push(...location(l, exact));
  const hasRoot = v.locations.some((l) => l.path === '/' && l.match === 'prefix');
  if (!hasRoot) lines.push("location / { default_type text/plain; return 404 'default backend - 404\\n'; }");
  return `  server {\n${lines.map((l) => `    ${l}`).join('\n')}\n  }\n`;
}

/** nginx takes the longest prefix, and an exact path before all: just as Kubernetes asks. */
function location(l: Location, exact: ReadonlySet<string>): string[] {
  const body = [`# ${l.ingress}`];
  if (l.redirectToTls) body.push('if ($scheme = http) { return 308 https://$host$request_uri; }');
  if (l.maxBody) body.push(`client_max_body_size ${l.maxBody};`);
  if (l.readTimeoutSeconds)
    body.push(`proxy_read_timeout ${l.readTimeoutSeconds}s;`, `proxy_send_timeout ${l.readTimeoutSeconds}s;`);
  if (l.rewrite) body.push(`rewrite ^ ${l.rewrite} break;`);
  if (l.upstream === undefined) {
    body.push('default_type text/plain;', "return 503 'no endpoints\\n';");
  } else body.push(`proxy_pass ${l.backendTls ? 'https' : 'http'}://${l.upstream};`);
  const block = (head: string) => `${head} {\n${body.map((b) => `      ${b}`).join('\n')}\n    }`;
  if (l.match === 'exact') return [block(`location = "${l.path}"`)];
  if (l.path === '/') return [block('location /')];
  // `/foo` is /foo and /foo/..., but not /foobar.
  const below = block(`location "${l.path}/"`);
  return exact.has(l.path) ? [below] : [block(`location = "${l.path}"`), below];
}
