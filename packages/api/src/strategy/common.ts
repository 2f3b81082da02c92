import type { FieldError, KubeObject } from '@kubelab/apimachinery';
import type { Strategy } from '../resource.js';
import { semanticEqual } from '../validation/common.js';

/** The validations of a kind, on its own type; undefined where there is nothing to check. */
export interface Validations<T> {
  create?(obj: T): FieldError[];
  /** Called with the checks of `create` not made: repeat them if they hold for updates. */
  update?(obj: T, old: T): FieldError[];
  status?(obj: T, old: T): FieldError[];
}

interface Options<T> {
  /** Status of a new object; absent for kinds without status. */
  initialStatus?: (obj: T) => unknown;
  /** Raised when the spec changes (most kinds with status). */
  generation?: boolean;
  /** Fields besides spec whose change raises the generation. */
  desired?: (keyof T & string)[];
  validations?: Validations<T>;
  create?(obj: T): void;
  update?(obj: T, old: T): void;
  /** Of an object that is created or updated, for the client to read. */
  warnings?(obj: T): string[];
}

// The table holds objects of every kind as plain JSON; a strategy sees its own kind's type.
const as = <T>(obj: KubeObject): T => obj as unknown as T;

/** The usual strategy: status kept from clients, generation raised with the spec. */
export function strategyOf<T extends object>(o: Options<T>): Strategy {
  const desired = o.desired ?? (['spec'] as (keyof T & string)[]);
  return {
    prepareForCreate(obj) {
      if (o.initialStatus) obj.status = o.initialStatus(as<T>(obj));
      if (o.generation) obj.metadata.generation = 1;
      o.create?.(as<T>(obj));
    },
    prepareForUpdate(obj, old) {
      if (o.initialStatus) copyField(obj, old, 'status');
      o.update?.(as<T>(obj), as<T>(old));
      if (!o.generation) return;
      const changed = desired.some((f) => !semanticEqual(obj[f], old[f]));
      const deleted = obj.metadata.deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined;
      const before = old.metadata.generation ?? 0;
      obj.metadata.generation = changed || deleted ? before + 1 : before;
      if (obj.metadata.generation === 0) delete obj.metadata.generation;
    },
    validateCreate: (obj) => o.validations?.create?.(as<T>(obj)) ?? [],
    validateUpdate(obj, old) {
      const v = o.validations;
      if (v?.update) return v.update(as<T>(obj), as<T>(old));
      return v?.create?.(as<T>(obj)) ?? [];
    },
    warningsOnCreate: (obj) => o.warnings?.(as<T>(obj)) ?? [],
    warningsOnUpdate: (obj) => o.warnings?.(as<T>(obj)) ?? [],
  };
}

function copyField(to: KubeObject, from: KubeObject, name: string): void {
  if (from[name] === undefined) delete to[name];
  else to[name] = from[name];
}

/** The strategy of a status subresource: everything but status and some metadata stays. */
export function statusStrategyOf<T extends object>(
  validate?: (obj: T, old: T) => FieldError[],
  update?: (obj: T, old: T) => void,
): Strategy {
  return {
    prepareForUpdate(obj, old) {
      for (const name of new Set([...Object.keys(obj), ...Object.keys(old)])) {
        if (!['apiVersion', 'kind', 'metadata', 'status'].includes(name)) copyField(obj, old, name);
      }
      if (old.metadata.generation !== undefined) obj.metadata.generation = old.metadata.generation;
      if (old.metadata.deletionTimestamp === undefined) delete obj.metadata.deletionTimestamp;
      update?.(as<T>(obj), as<T>(old));
    },
    validateUpdate: (obj, old) => validate?.(as<T>(obj), as<T>(old)) ?? [],
  };
}

/** An empty status, as Go prints a struct without values. */
export const emptyStatus = (): unknown => ({});
