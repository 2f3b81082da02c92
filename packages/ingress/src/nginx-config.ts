import { createHash } from 'node:crypto';
import type { Location, ProxyModel, Server, Upstream } from './model.js';

/** In the order in which they need each other. */
const modules = ['ndk_http_module.so', 'ngx_http_lua_module.so'];

export interface LuaSettings {
  /** Where nginx has its modules; the Lua module and what it needs are loaded. */
  modulesDir: string;
  /** Folder of kubelab_ingress.lua. */
  luaDir: string;
}

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
  /** Undefined: nginx has no Lua, and other endpoints are another configuration. */
  lua: LuaSettings | undefined;
  /** nginx has `ssl_reject_handshake` (1.19.4). */
  rejectsHandshakes: boolean;
  /** Whoever sends endpoints to the status port must know it. */
  token: string;
}

/** The whole nginx configuration, with Lua but for the endpoints. The same model always gives the same text. */
export function renderNginx(m: ProxyModel, s: NginxSettings): string {
  const text = render(m, s, '');
  // Names itself, so that it can be seen which configuration nginx serves.
  return render(m, s, generationOf(text));
}

/** The name of a configuration, as its status server tells it. */
export function generationOf(text: string): string {
  return /^ *# generation (\S+)$/m.exec(text)?.[1] ?? createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The endpoints of all upstreams, one a line, as lua/kubelab_ingress.lua reads them. */
export function renderEndpoints(m: ProxyModel): string {
  const lines = m.upstreams.map((u) => `${[u.name, ...u.endpoints].join(' ')}\n`);
  return lines.sort().join('');
}

function render(m: ProxyModel, s: NginxSettings, generation: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${modules.map((name) => (s.lua ? `load_module ${s.lua.modulesDir}/${name};\n` : '')).join('')}${
    s.user ? `user ${s.user};\n` : ''
  }worker_processes ${s.workers};
pid ${s.dir}/nginx.pid;
error_log stderr warn;
daemon off;
# Old workers finish what they have, but not for ever.
worker_shutdown_timeout 240s;
events { worker_connections 4096; multi_accept on; }
http {
  ${generation === '' ? '' : `# generation ${generation}`}
  access_log off;
  server_tokens off;
  keepalive_timeout 75s;
  keepalive_requests 10000;
  client_max_body_size 1m;
  server_names_hash_bucket_size 256;
  server_names_hash_max_size 4096;
${temporary.map((t) => `  ${t}_temp_path ${s.dir}/tmp-${t};`).join('\n')}
${s.lua ? luaDirectives(s.lua, s.dir) : ''}  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  map $host $no_certificate { default ''; }
  map $http_host $best_host { default $http_host; '' $host; }
  proxy_http_version 1.1;
  proxy_set_header Host $best_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Request-ID $request_id;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $best_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Scheme $scheme;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Scheme $scheme;
  proxy_connect_timeout 5s;
  # An endpoint that is going away refuses: the next one is asked, if the request has not been sent yet.
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  proxy_redirect off;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:SSL:10m;

${s.lua ? ['http', 'https'].map(luaUpstream).join('') : m.upstreams.map(upstream).sort().join('')}
  server {
    listen 127.0.0.1:${s.statusPort};
    location = /healthz { return 200 'ok'; }
    location = /status { stub_status; }
    location = /generation { return 200 '${generation}'; }
${s.lua ? endpointsLocation(s.token) : ''}  }
${[...m.servers]
  .sort((a, b) => (a.host < b.host ? -1 : 1))
  .map((v) => server(v, s, m))
  .join('')}}
`;
}

function luaDirectives({ luaDir }: LuaSettings, dir: string): string {
  return `  lua_package_path '${luaDir}/?.lua;/usr/share/lua/5.1/?.lua;;';
  lua_shared_dict endpoints 32m;
  init_by_lua_block { ingress = require "kubelab_ingress"; ingress.load("${dir}/endpoints") }
  init_worker_by_lua_block { ingress.seed() }
`;
}

/** One for all Services: connections to endpoints are kept by address. */
function luaUpstream(scheme: string): string {
  return `  upstream endpoints_${scheme} { server 0.0.0.1; balancer_by_lua_block { ingress.balance() } keepalive 320; }\n`;
}

function endpointsLocation(token: string): string {
  return `    location = /endpoints {
      if ($http_x_token != '${token}') { return 403; }
      client_max_body_size 64m;
      client_body_buffer_size 64m;
      content_by_lua_block { ingress.receive() }
    }
`;
}

/** Without Lua; an upstream without endpoints can't be written down. */
function upstream(u: Upstream): string {
  if (u.endpoints.length === 0) return '';
  const lines = u.endpoints.map((e) => `    server ${e} max_fails=1 fail_timeout=2s;\n`).join('');
  return `  upstream ${upstreamName(u.name)} {\n    random two least_conn;\n${lines}    keepalive 64;\n  }\n`;
}

function upstreamName(name: string): string {
  return `u_${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
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
    lines.push(...listen(s.httpsPort, ` ssl http2${isDefault}`));
    lines.push(`ssl_certificate ${s.dir}/certs/${v.certificate.name}.crt;`);
    lines.push(`ssl_certificate_key ${s.dir}/certs/${v.certificate.name}.key;`);
  } else if (anyTls && v.host === '') {
    // No certificate fits an unknown name: better no handshake than somebody else's certificate.
    lines.push(...listen(s.httpsPort, ' ssl http2 default_server'));
    if (s.rejectsHandshakes) lines.push('ssl_reject_handshake on;');
    // An older nginx fails at loading what is none.
    else lines.push('ssl_certificate data:$no_certificate;', 'ssl_certificate_key data:$no_certificate;');
  }
  lines.push(`server_name ${serverName(v.host)};`);
  const exact = new Set(v.locations.filter((l) => l.match === 'exact').map((l) => l.path));
  const hasEndpoints = new Set(m.upstreams.filter((u) => u.endpoints.length > 0).map((u) => u.name));
  const backend = (l: Location) => {
    if (l.upstream === undefined || (!s.lua && !hasEndpoints.has(l.upstream))) return noBackend;
    return s.lua ? luaBackend(l.upstream, l.backendTls) : plainBackend(l.upstream, l.backendTls);
  };
  for (const l of v.locations) lines.push(...location(l, exact, backend(l)));
  const hasRoot = v.locations.some((l) => l.path === '/' && l.match === 'prefix');
  if (!hasRoot) lines.push("location / { default_type text/plain; return 404 'default backend - 404\\n'; }");
  return `  server {\n${lines.map((l) => `    ${l}`).join('\n')}\n  }\n`;
}

/** What a location does: variables, which come before a rewrite, and who is asked. */
interface BackendLines {
  set: string[];
  pass: string[];
}

const noBackend: BackendLines = { set: [], pass: ['default_type text/plain;', "return 503 'no endpoints\\n';"] };

function luaBackend(name: string, tls: boolean): BackendLines {
  const scheme = tls ? 'https' : 'http';
  const pass = ['access_by_lua_block { ingress.access() }', `proxy_pass ${scheme}://endpoints_${scheme};`];
  return { set: [`set $upstream_name '${name}';`], pass };
}

function plainBackend(name: string, tls: boolean): BackendLines {
  return { set: [], pass: [`proxy_pass ${tls ? 'https' : 'http'}://${upstreamName(name)};`] };
}

/** nginx takes the longest prefix, and an exact path before all: just as Kubernetes asks. */
function location(l: Location, exact: ReadonlySet<string>, backend: BackendLines): string[] {
  const body = [`# ${l.ingress}`];
  if (l.redirectToTls) body.push('if ($scheme = http) { return 308 https://$host$request_uri; }');
  if (l.maxBody) body.push(`client_max_body_size ${l.maxBody};`);
  if (l.readTimeoutSeconds)
    body.push(`proxy_read_timeout ${l.readTimeoutSeconds}s;`, `proxy_send_timeout ${l.readTimeoutSeconds}s;`);
  body.push(...backend.set);
  if (l.rewrite) body.push(`rewrite ^ ${l.rewrite} break;`);
  body.push(...backend.pass);
  const block = (head: string) => `${head} {\n${body.map((b) => `      ${b}`).join('\n')}\n    }`;
  if (l.match === 'exact') return [block(exactly(l.path))];
  if (l.path === '/') return [block('location /')];
  // `/foo` is /foo and /foo/..., but not /foobar.
  const below = block(`location "${l.path}/"`);
  return exact.has(l.path) ? [below] : [block(`location = "${l.path}"`), below];
}

/** Of `= /foo/` nginx would make a redirect of /foo as well; an expression, which comes before all prefixes, does not. */
function exactly(path: string): string {
  if (path === '/' || !path.endsWith('/')) return `location = "${path}"`;
  return `location ~ "^${path.replace(/[.*+?^${}()|[\]]/g, '\\$&')}$"`;
}
