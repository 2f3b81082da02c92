#!/usr/bin/env node
import { runComponent } from '@kubelab/component-base';
import { useSchedulerConfigFlag } from './server/config-flag.js';
import { flags } from './server/flags.js';
import { startScheduler } from './server/start.js';

process.argv = useSchedulerConfigFlag(process.argv);
await runComponent({
  name: 'scheduler',
  description: 'Puts the pods of a Kubelab cluster on nodes; of several processes one at a time.',
  options: flags,
  start: startScheduler,
});
