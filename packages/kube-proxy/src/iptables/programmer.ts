import { type ApplyStats, RestoreError, type Restorer } from '@kubelab/node-iptables';
import type { CategorizedEndpoints } from '../model/categorize.js';
import type { ServicePort } from '../model/types.js';
import { isProxyChain } from './names.js';
import type { RuleOptions } from './options.js';
import { type ServiceRules, type SharedChain, serviceRules, sharedChains } from './service-rules.js';
import { setStaticRules } from './static-rules.js';

/** A service port whose rules the kernel refuses. It is left out until it changes; the others go on. */
export interface RefusedService {
  key: string;
  error: RestoreError;
}

export interface ProgramResult extends ApplyStats {
  refused: RefusedService[];
}

/** Programs service ports into one family's iptables: setters note what is wanted, `apply` writes the difference. */
export class IptablesProgrammer {
  private readonly programmed = new Map<string, ServiceRules>();
  private isFirst = true;

  constructor(
    private readonly restorer: Restorer,
    private readonly options: RuleOptions,
  ) {
    setStaticRules(restorer, options);
  }

  /** Sets the rules of a service port. */
  set(port: ServicePort, endpoints: CategorizedEndpoints): void {
    const rules = serviceRules(port, endpoints, this.options);
    const before = this.programmed.get(port.key);
    for (const name of before?.chains.keys() ?? []) {
      if (!rules.chains.has(name)) this.restorer.removeChain('nat', name);
    }
    for (const [name, lines] of rules.chains) this.restorer.setChain('nat', name, lines);
    this.setEntries(port.key, rules);
    this.programmed.set(port.key, rules);
  }

  /** Removes all rules of a service port. */
  remove(key: string): void {
    const before = this.programmed.get(key);
    if (!before) return;
    for (const name of before.chains.keys()) this.restorer.removeChain('nat', name);
    this.setEntries(key, undefined);
    this.programmed.delete(key);
  }

  /**
   * Writes what changed; the first time, after reading what an earlier process left, which is taken over as it
   * stands. Service ports the kernel refuses are taken out and returned. Throws if the tools themselves fail.
   */
  async apply(): Promise<ProgramResult> {
    if (this.isFirst) {
      await this.restorer.adopt(isProxyChain, ['nat', 'filter']);
      this.isFirst = false;
    }
    const refused: RefusedService[] = [];
    for (;;) {
      try {
        return { ...(await this.restorer.apply()), refused };
      } catch (error) {
        const key = error instanceof RestoreError ? this.ownerOf(error) : undefined;
        if (key === undefined) throw error;
        // At most one turn a service port: what is removed here can't be refused again.
        this.remove(key);
        refused.push({ key, error: error as RestoreError });
      }
    }
  }

  /** Compares the kernel with what was written and marks what differs. Returns the number of chains that do. */
  async verify(): Promise<number> {
    return (await this.restorer.verify(isProxyChain)).length;
  }

  /** Something flushed the rules: the next `apply` writes all. */
  forget(): void {
    this.restorer.forget();
  }

  /** Rules of all service ports, for metrics. */
  ruleCount(): Record<'nat' | 'filter', number> {
    const count = { nat: 0, filter: 0 };
    for (const r of this.programmed.values()) {
      for (const lines of r.chains.values()) count.nat += lines.length;
      for (const [shared, lines] of Object.entries(r.entries))
        count[sharedChains[shared as SharedChain][0]] += lines.length;
    }
    return count;
  }

  private setEntries(key: string, rules: ServiceRules | undefined): void {
    for (const [shared, [table, chain]] of Object.entries(sharedChains)) {
      this.restorer.setEntry(table, chain, key, rules?.entries[shared as SharedChain] ?? []);
    }
  }

  private ownerOf(e: RestoreError): string | undefined {
    const line = e.text?.replace(/^-[AI] \S+ /, '');
    for (const [key, rules] of this.programmed) {
      if (e.chain !== undefined && rules.chains.has(e.chain)) return key;
      if (line && Object.values(rules.entries).some((lines) => lines.includes(line))) return key;
    }
    return undefined;
  }
}
