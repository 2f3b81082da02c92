import { runComponent } from '@kubelab/component-base';
import { apiServerOptions } from './options.js';
import { startApiServer } from './start-api-server.js';

await runComponent({
  name: 'apiserver',
  description: 'The Kubernetes API on etcd',
  options: apiServerOptions,
  start: startApiServer,
});
