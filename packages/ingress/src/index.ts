export { controllerName, isServed } from './class.js';
export { type Complain, compile, type Sources } from './compile.js';
export type { Certificate, Location, ProxyModel, Server, Upstream } from './model.js';
export { Nginx, NginxConfigError } from './nginx.js';
export { type NginxSettings, renderNginx } from './nginx-config.js';
export { type StartIngressOptions, startIngress } from './start.js';
