#!/usr/bin/env node
import { runComponent } from '@kubelab/component-base';
import { flags } from './manager/flags.js';
import { startManager } from './manager/start.js';

await runComponent({
  name: 'controller-manager',
  description: 'Runs the controllers of a Kubelab cluster; of several processes one at a time.',
  options: flags,
  start: startManager,
});
