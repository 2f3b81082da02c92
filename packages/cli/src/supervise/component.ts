import { mkdirSync } from 'node:fs';
import type { Component } from '@kubelab/component-base';
import { clusterOption, layoutFrom } from '../commands/cluster-option.js';
import { startTimeOf, writePidRecord } from '../process/pid-record.js';
import { controlSocket, serveControl } from './control-socket.js';
import { startKeeper, superviseCommand, supervisorRecord } from './keeper.js';
import { takeLock } from './lock.js';
import { Supervisor } from './supervisor.js';

const parentCheckMs = 1000;

/** The process that keeps a cluster's processes on this machine running. */
export const superviseComponent: Component = {
  name: 'supervisor',
  description: "Keeps this machine's processes of a cluster running; `kubelab up`, `init` and `join` start it",
  options: {
    ...clusterOption,
    'start-keeper': {
      type: 'boolean',
      default: false,
      description: 'Start another keeper when the one that started this process ends; set where there is no systemd',
    },
  },
  async start({ options, logger, signal }) {
    const layout = layoutFrom(options);
    const lock = await takeLock(`kubelab-supervisor-${layout.name}`);
    const startTime = startTimeOf(process.pid) ?? '';
    mkdirSync(layout.runDir, { recursive: true });
    writePidRecord(supervisorRecord(layout), { pid: process.pid, startTime, command: superviseCommand(layout) });
    const supervisor = new Supervisor(layout, logger);
    supervisor.start();
    const server = await serveControl(layout, supervisor);
    logger.info('Supervising', { cluster: layout.name, socket: controlSocket(layout) });
    const stop = async () => {
      server.close();
      server.closeAllConnections();
      await supervisor.close();
      await lock.release();
    };
    if (options.boolean('start-keeper')) {
      const parent = process.ppid;
      const check = setInterval(() => {
        if (process.ppid !== parent && !signal.aborted) {
          clearInterval(check);
          // It would not be started again if it ended now: it makes room for a successor with a keeper, which adopts.
          logger.warn('The keeper ended; another one is started');
          stop()
            .then(() => startKeeper(layout))
            .then(
              () => process.exit(0),
              (error: unknown) => {
                logger.error('No keeper can be started', { error });
                process.exit(1);
              },
            );
        }
      }, parentCheckMs);
    }
    return { stop };
  },
};
