import type {
  V1FlowSchema,
  V1FlowSchemaSpec,
  V1PolicyRulesWithSubjects,
  V1PriorityLevelConfiguration,
} from '@kubelab/api';
import type { Registry } from '@kubelab/component-base';
import type { UserInfo } from '../authentication/index.js';
import type { RequestInfo } from '../request-info.js';
import { defaultFlowSchemas, defaultPriorityLevels } from './default-objects.js';
import { dumpFairness } from './dump.js';
import { FairnessMetrics } from './fairness-metrics.js';
import { anyRuleMatches, distinguisher, rulesForUser } from './flow-match.js';
import { type LevelState, levelFor, sharesOf } from './level.js';
import { isLongRunning } from './long-running.js';
import { tooMany } from './max-in-flight.js';
import { RejectedError, type Release } from './queue-set.js';
import { divideSeats } from './seat-limits.js';
import { hashFlow } from './shuffle-shard.js';

export interface FairnessOptions {
  /** --max-requests-inflight and --max-mutating-requests-inflight together: the seats to divide. */
  totalSeats: number;
  /** How long a request may wait for a seat: a quarter of the request timeout. */
  waitLimitMs: number;
  /** Seats that a request takes; 1 where it is not given. */
  seatsOf?(info: RequestInfo): number;
  metrics: Registry;
}

/** A request that was let in. */
export interface Admission {
  /** Gives the seats back; for watches when they have begun. */
  release: Release;
  /** Sent to the client as X-Kubernetes-PF-FlowSchema-UID and X-Kubernetes-PF-PriorityLevel-UID. */
  flowSchemaUid: string;
  priorityLevelUid: string;
}

interface Schema {
  name: string;
  uid: string;
  spec: V1FlowSchemaSpec;
  level: LevelState;
  hashes: Map<string, number>;
}

const nothing: Release = () => undefined;
const maxHashes = 10_000;
/** How often seats move between levels, and how quickly the smoothed demand forgets. */
export const adjustMs = 10_000;
const smoothing = 0.5;

/**
 * API priority and fairness (KEP-1040): a request is classified by the flow schemas and waits for a seat of its priority
 * level in a queue of its flow.
 */
export class Fairness {
  private schemas: Schema[] = [];
  private levels = new Map<string, LevelState>();
  /** The schemas and rules that can match a user at all, by the user's object: authentication hands out the same one. */
  private byUser = new WeakMap<UserInfo, { schema: Schema; rules: V1PolicyRulesWithSubjects[] }[]>();
  private readonly metrics: FairnessMetrics;

  constructor(private readonly options: FairnessOptions) {
    this.metrics = new FairnessMetrics(options.metrics, (set) => {
      for (const level of this.levels.values()) {
        set('current_executing_requests', level.name, level.queues.executing);
        set('current_executing_seats', level.name, level.queues.seatsInUse);
        set('current_inqueue_requests', level.name, level.queues.waitingCount);
        if (!level.seats) continue;
        set('nominal_limit_seats', level.name, level.seats.nominal);
        set('current_limit_seats', level.name, level.seats.current);
        set('lower_limit_seats', level.name, level.seats.lower);
        set('upper_limit_seats', level.name, level.seats.upper);
      }
    });
    this.configure([], []);
  }

  /** Takes the objects as they are now; the exempt and catch-all ones are always there. */
  configure(schemas: V1FlowSchema[], levels: V1PriorityLevelConfiguration[]): void {
    const next = new Map<string, LevelState>();
    const configurations = [...levels];
    for (const mandatory of defaultPriorityLevels.slice(0, 2) as V1PriorityLevelConfiguration[]) {
      if (!levels.some((l) => l.metadata?.name === mandatory.metadata?.name)) configurations.push(mandatory);
    }
    for (const configuration of configurations) {
      const name = configuration.metadata?.name ?? '';
      next.set(name, levelFor(configuration, this.levels.get(name)));
    }
    this.levels = next;
    const all = [...schemas];
    for (const name of ['exempt', 'catch-all']) {
      const mandatory = defaultFlowSchemas.find((s) => s.metadata.name === name) as V1FlowSchema | undefined;
      if (mandatory && !schemas.some((s) => s.metadata?.name === name)) all.push(mandatory);
    }
    this.schemas = all
      .flatMap((schema): Schema[] => {
        // A schema whose level does not exist is out of work (its Dangling condition says so).
        const level = next.get(schema.spec?.priorityLevelConfiguration.name ?? '');
        const { name = '', uid = '' } = schema.metadata ?? {};
        return schema.spec && level ? [{ name, uid, spec: schema.spec, level, hashes: new Map() }] : [];
      })
      .sort((a, b) => precedence(a) - precedence(b) || (a.name < b.name ? -1 : 1));
    this.byUser = new WeakMap();
    this.adjust();
  }

  /** Whether a priority level of this name exists. */
  hasLevel(name: string): boolean {
    return this.levels.has(name);
  }

  /**
   * A seat for the request, at once where there is one.
   * @throws StatusError TooManyRequests (429, Retry-After 1)
   */
  admit(user: UserInfo, info: RequestInfo, signal?: AbortSignal): Admission | Promise<Admission> {
    const schema = this.classify(user, info);
    const { level } = schema;
    const admission = (release: Release): Admission => {
      this.metrics.dispatched.inc({ priority_level: level.name, flow_schema: schema.name });
      return { release, flowSchemaUid: schema.uid, priorityLevelUid: level.uid };
    };
    // Watches hold a seat until they have begun; other long requests are not counted at all.
    if (level.exempt || (isLongRunning(info) && info.verb !== 'watch')) return admission(nothing);
    const flow = distinguisher(schema.spec, user, info);
    const seats = this.options.seatsOf?.(info) ?? 1;
    try {
      const taken = level.queues.admit(hashOf(schema, flow), flow, seats, this.options.waitLimitMs, signal);
      if (!(taken instanceof Promise)) return admission(taken);
      const began = Date.now();
      const waited = (execute: string) =>
        this.metrics.waitSeconds.observe(
          { priority_level: level.name, flow_schema: schema.name, execute },
          (Date.now() - began) / 1000,
        );
      return taken.then(
        (release) => {
          waited('true');
          return admission(release);
        },
        (error) => {
          waited('false');
          throw this.rejected(schema, error);
        },
      );
    } catch (error) {
      throw this.rejected(schema, error);
    }
  }

  /** Moves seats to the levels that want them; called every adjustMs. */
  adjust(): void {
    const rows = [...this.levels.values()].filter((l) => !l.exempt);
    for (const level of rows) {
      level.highDemand = level.queues.takeHighWater();
      level.smoothDemand = Math.max(
        level.highDemand,
        level.smoothDemand * smoothing + level.highDemand * (1 - smoothing),
      );
    }
    const divided = divideSeats(
      rows.map((level) => ({
        name: level.name,
        nominalShares: sharesOf(level.spec),
        lendablePercent: level.spec.limited?.lendablePercent ?? 0,
        borrowingLimitPercent: level.spec.limited?.borrowingLimitPercent,
        smoothDemand: level.smoothDemand,
        highDemand: level.highDemand,
      })),
      this.options.totalSeats,
    );
    for (const level of rows) {
      const seats = divided.get(level.name);
      if (!seats) continue;
      level.seats = seats;
      level.queues.setSeatLimit(seats.current);
    }
  }

  /** The debug dumps; undefined for a path that is none. */
  dump(path: string): string | undefined {
    return dumpFairness(path, [...this.levels.values()]);
  }

  private classify(user: UserInfo, info: RequestInfo): Schema {
    let candidates = this.byUser.get(user);
    if (!candidates) {
      candidates = this.schemas.flatMap((schema) => {
        const rules = rulesForUser(schema.spec, user);
        return rules.length > 0 ? [{ schema, rules }] : [];
      });
      this.byUser.set(user, candidates);
    }
    for (const { schema, rules } of candidates) {
      if (anyRuleMatches(rules, info)) return schema;
    }
    // catch-all matches everybody unless somebody has narrowed it: then it is taken all the same.
    return this.schemas.find((s) => s.name === 'catch-all') as Schema;
  }

  private rejected(schema: Schema, error: unknown): unknown {
    if (!(error instanceof RejectedError)) return error;
    this.metrics.rejected.inc({ priority_level: schema.level.name, flow_schema: schema.name, reason: error.reason });
    return tooMany();
  }
}

const precedence = (schema: Schema) => schema.spec.matchingPrecedence ?? 1000;

function hashOf(schema: Schema, flow: string): number {
  let hash = schema.hashes.get(flow);
  if (hash === undefined) {
    if (schema.hashes.size > maxHashes) schema.hashes.clear();
    hash = hashFlow(schema.name, flow);
    schema.hashes.set(flow, hash);
  }
  return hash;
}
