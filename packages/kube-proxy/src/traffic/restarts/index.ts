import type { RestartCase } from '../case.js';
import { drift } from './drift.js';
import { localInterface } from './local-interface.js';
import { masqueradeAll } from './masquerade-all.js';
import { restart } from './restart.js';
import { takenAway } from './taken-away.js';

/** In this order: each finds what the one before has left. */
export const restarts: RestartCase[] = [drift, takenAway, restart, masqueradeAll, localInterface];
