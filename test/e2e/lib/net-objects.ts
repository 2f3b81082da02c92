/** Manifests for the networking suite: a web server and a client on each of the two nodes, and Services of each kind. */

type Manifest = Record<string, unknown>;

const nodes = ['node1', 'node2'];

function pod(name: string, labels: Record<string, string>, spec: Manifest): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  };
}

/** A web server that answers with its pod's name; on its node at the host port, when one is given. */
export function webPod(name: string, nodeName: string, hostPort?: number): Manifest {
  const port = { name: 'http', containerPort: 8080, ...(hostPort ? { hostPort } : {}) };
  const container = {
    ...{ name: 'httpd', image: 'kubelab/httpd', imagePullPolicy: 'IfNotPresent', ports: [port] },
    // It need not drain: the suite does not wait for its end.
    env: [{ name: 'DRAIN_SECONDS', value: '0' }],
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
  };
  return pod(name, hostPort ? { app: name } : { app: 'web', pod: name }, {
    ...{ nodeName, hostname: name, subdomain: 'headless' },
    containers: [container],
  });
}

function clientPod(name: string, nodeName: string): Manifest {
  const container = { name: 'sh', image: 'kubelab/busybox', imagePullPolicy: 'IfNotPresent', command: ['sleep', '1h'] };
  return pod(name, { app: 'client', pod: name }, { nodeName, containers: [container] });
}

function service(name: string, spec: Manifest): Manifest {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }];
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
    spec: { selector: { app: 'web' }, ports, ...spec },
  };
}

/** web-1 and client-1 on node1, web-2 and client-2 on node2, and the Services. */
export function networkObjects(): Manifest[] {
  return [
    ...nodes.map((node, index) => webPod(`web-${index + 1}`, node)),
    ...nodes.map((node, index) => clientPod(`client-${index + 1}`, node)),
    service('web', { type: 'NodePort' }),
    service('local', { type: 'NodePort', externalTrafficPolicy: 'Local', selector: { pod: 'web-1' } }),
    service('sticky', { sessionAffinity: 'ClientIP' }),
    service('self', { selector: { pod: 'web-1' } }),
    service('empty', { selector: { app: 'nobody' } }),
    service('headless', { clusterIP: 'None', ports: [{ name: 'http', port: 8080, targetPort: 'http' }] }),
    service('balanced', { type: 'LoadBalancer' }),
    service('preserving', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: { pod: 'web-2' } }),
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'alias' }, spec: externalName('web') },
  ];
}

function externalName(name: string): Manifest {
  return { type: 'ExternalName', externalName: `${name}.network.svc.cluster.local` };
}

/** A NetworkPolicy on the pods that the labels choose. */
export function policy(name: string, podSelector: Record<string, string>, rules: Manifest): Manifest {
  return {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name } },
    spec: { podSelector: { matchLabels: podSelector }, ...rules },
  };
}

/** An Ingress for one host: / goes to the Service `web`, the prefix /only to the Service `self`. */
export function ingress(host: string, tlsSecret: string): Manifest {
  const path = (prefix: string, name: string) => ({
    ...{ path: prefix, pathType: 'Prefix' },
    backend: { service: { name, port: { name: 'http' } } },
  });
  return {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' } },
    spec: {
      tls: [{ hosts: [host], secretName: tlsSecret }],
      rules: [{ host, http: { paths: [path('/', 'web'), path('/index.html', 'self')] } }],
    },
  };
}
