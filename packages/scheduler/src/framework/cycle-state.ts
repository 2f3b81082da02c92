import type { FilterPlugin } from './plugin.js';

/** What a plugin keeps between its steps for one pod. */
export interface StateData {
  /** A copy that can be changed on its own: preemption tries what-ifs on several nodes. */
  clone(): StateData;
}

/** Data of one scheduling cycle, by plugin; made anew for each pod. */
export class CycleState {
  private readonly data = new Map<string, StateData>();
  /** Filter and score plugins whose PreFilter or PreScore said Skip. */
  readonly skipFilter = new Set<string>();
  readonly skipScore = new Set<string>();
  /** The filters left to ask; the framework's, once PreFilter is done. */
  filters: readonly FilterPlugin[] | undefined;

  read<T extends StateData>(key: string): T | undefined {
    return this.data.get(key) as T | undefined;
  }

  write(key: string, data: StateData): void {
    this.data.set(key, data);
  }

  clone(): CycleState {
    const copy = new CycleState();
    for (const [key, data] of this.data) copy.data.set(key, data.clone());
    copy.filters = this.filters;
    for (const name of this.skipFilter) copy.skipFilter.add(name);
    for (const name of this.skipScore) copy.skipScore.add(name);
    return copy;
  }
}

/** State that no step changes after it was written. */
export abstract class ConstantState implements StateData {
  clone(): StateData {
    return this;
  }
}
