import type { ObjectAccess } from '../object-access.js';
import type { ConnectHandler } from './connector.js';
import { KubeletConnection, type KubeletConnectionOptions } from './kubelet-connection.js';
import { logHandler } from './logs.js';
import { proxyHandler } from './proxy.js';
import { execHandler, portForwardHandler } from './streams.js';

/** The connecting subresources by `resource/subresource`, and how to close their connections to kubelets. */
export interface Connect {
  handlers: Record<string, ConnectHandler>;
  close(): void;
}

/** @param o how to reach the kubelets */
export function createConnect(objects: ObjectAccess, o: KubeletConnectionOptions): Connect {
  const kubelets = new KubeletConnection(objects, o);
  const exec = execHandler(objects, kubelets);
  const proxy = proxyHandler(objects, kubelets);
  return {
    handlers: {
      'pods/log': logHandler(objects, kubelets),
      'pods/exec': exec,
      'pods/attach': exec,
      'pods/portforward': portForwardHandler(objects, kubelets),
      'pods/proxy': proxy,
      'services/proxy': proxy,
      'nodes/proxy': proxy,
    },
    close: () => kubelets.close(),
  };
}
