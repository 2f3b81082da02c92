import type { ComponentContext } from '@kubelab/component-base';
import type { Express } from 'express';
import { Fairness, FairnessConfig, MaxInFlight } from '../fairness/index.js';
import type { ObjectAccess } from '../object-access.js';
import type { RequestLimits } from './chain.js';

/** What bounds the requests, and what has to be run for it. */
export interface Limits {
  limits: RequestLimits;
  /** Follows the objects that configure it; resolves when those that exist are in force. */
  start(): Promise<void>;
  /** Creates the default objects. */
  bootstrap?(): Promise<void>;
  /** The debug dumps. */
  routes(app: Express): void;
  stop(): void;
}

/** Priority and fairness, or the plain limits where it is switched off. */
export function createLimits(context: ComponentContext, objects: ObjectAccess): Limits {
  const { options, metrics, logger } = context;
  const reading = options.number('max-requests-inflight');
  const mutating = options.number('max-mutating-requests-inflight');
  if (!options.boolean('enable-priority-and-fairness')) {
    return {
      limits: new MaxInFlight(reading, mutating),
      start: async () => undefined,
      routes: () => undefined,
      stop: () => undefined,
    };
  }
  const waitLimitMs = options.durationMs('request-timeout') / 4;
  const fairness = new Fairness({ totalSeats: Math.max(1, reading + mutating), waitLimitMs, metrics });
  const config = new FairnessConfig(objects, fairness, logger);
  return {
    limits: fairness,
    start: () => config.start(),
    bootstrap: () => config.ensureDefaults(),
    routes: (app) => {
      app.get('/debug/api_priority_and_fairness/:dump', (req, res, next) => {
        const text = fairness.dump(req.path);
        if (text === undefined) {
          next();
          return;
        }
        res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
        res.end(text);
      });
    },
    stop: () => config.stop(),
  };
}
