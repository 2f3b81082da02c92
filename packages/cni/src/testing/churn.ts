// Adds and deletes containers without end, until it is killed: node churn.js DIRECTORY NETNS PREFIX
import { join } from 'node:path';
import { Cni } from '../cni.js';

const [dir = '', netns = '', prefix = ''] = process.argv.slice(2);
const cni = new Cni({
  confDir: join(dir, 'net.d'),
  binDirs: [join(dir, 'bin'), '/usr/lib/cni'],
  cacheDir: join(dir, 'cache'),
});
for (let i = 0; i < 1000; i++) {
  const attachment = {
    containerId: `${prefix}-${i}`,
    netns,
    capabilities: { bandwidth: { ingressRate: 1e6, ingressBurst: 1e6 } },
  };
  await cni.add(attachment);
  process.stdout.write('added\n');
  await cni.del(attachment);
}
