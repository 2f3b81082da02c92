import { type ApplyStats, RestoreError, type Restorer } from '@kubelab/node-iptables';
import type { CategorizedEndpoints } from '../model/categorize.js';
import type { ServicePort } from '../model/types.js';
import { formFor, type RuleForm } from './form.js';
import { isProxyChain } from './names.js';
import type { RuleOptions } from './options.js';
import { type ServiceRules, type SharedChain, serviceRules, sharedChains } from './service-rules.js';
import { setNodePortAddresses, setStaticRules } from './static-rules.js';

/** A service port whose rules the kernel refuses. It is left out until it changes; the others go on. */
export interface RefusedService {
  key: string;
  error: RestoreError;
}

export interface ProgramResult extends ApplyStats {
  refused: RefusedService[];
  /** There is more to write that no packet waits for: the next `apply` goes on with it. */
  isUnfinished?: boolean;
}

/** Service ports written in another form by one `apply`, so that a change meanwhile does not wait for all of them. */
const restyleSlice = 500;

/** Programs service ports into one family's iptables: setters note what is wanted, `apply` writes the difference. */
export class IptablesProgrammer {
  private readonly wanted = new Map<string, { port: ServicePort; endpoints: CategorizedEndpoints }>();
  private readonly programmed = new Map<string, ServiceRules>();
  private readonly dirty = new Set<string>();
  /** Ports whose rules are still in another form. */
  private restyle: string[] = [];
  private endpointCount = 0;
  private form: RuleForm | undefined;

  constructor(
    private readonly restorer: Restorer,
    private readonly options: RuleOptions,
  ) {
    setStaticRules(restorer, options);
  }

  /** Sets a service port and its endpoints. */
  set(port: ServicePort, endpoints: CategorizedEndpoints): void {
    this.endpointCount += endpoints.total - (this.wanted.get(port.key)?.endpoints.total ?? 0);
    this.wanted.set(port.key, { port, endpoints });
    this.dirty.add(port.key);
  }

  /** Removes all rules of a service port. */
  remove(key: string): void {
    this.endpointCount -= this.wanted.get(key)?.endpoints.total ?? 0;
    this.wanted.delete(key);
    this.dirty.add(key);
  }

  /**
   * Writes what changed; the first time, after reading what an earlier process left, which is taken over as it
   * stands. Service ports the kernel refuses are taken out and returned. Throws if the tools themselves fail.
   */
  async apply(): Promise<ProgramResult> {
    const isFirst = this.form === undefined;
    const form = formFor(this.endpointCount, this.form);
    if (!isFirst && form !== this.form) this.restyle = [...this.programmed.keys()];
    this.form = form;
    for (const key of this.dirty) this.render(key, form, 'all');
    this.dirty.clear();
    this.renderSlice(form);
    // What an earlier process wrote in another form does the same to every packet. Only where the form is what makes
    // a change cheap is it written anew.
    if (isFirst) await this.restorer.adopt(isProxyChain, ['nat', 'filter'], { ignoreComments: form !== 'compact' });
    const refused: RefusedService[] = [];
    for (;;) {
      try {
        return { ...(await this.restorer.apply()), refused, isUnfinished: this.restyle.length > 0 };
      } catch (error) {
        const key = error instanceof RestoreError ? this.ownerOf(error) : undefined;
        if (key === undefined) throw error;
        // At most one turn a service port: what is removed here can't be refused again.
        this.remove(key);
        this.render(key, form, 'all');
        this.dirty.delete(key);
        refused.push({ key, error: error as RestoreError });
      }
    }
  }

  /** Compares the kernel with what was written and marks what differs. Returns the number of chains that do. */
  async verify(): Promise<number> {
    return (await this.restorer.verify(isProxyChain, { ignoreComments: true })).length;
  }

  /** Other local addresses answer on node ports from now on; undefined: all. */
  setNodePortAddresses(addresses: readonly string[] | undefined): void {
    setNodePortAddresses(this.restorer, this.options, addresses);
  }

  /** Whether the rules that lead to all others are still in the kernel. */
  isIntact(): Promise<boolean> {
    return this.restorer.isIntact();
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

  /**
   * The next ports to be written in the form in force: first their own chains, a slice at a time, then, once for
   * all, their entries in the shared chains, which are cheaper to write whole than one by one.
   */
  private renderSlice(form: RuleForm): void {
    if (this.restyle.length === 0) return;
    for (const key of this.restyle.splice(-restyleSlice)) this.render(key, form, 'chains');
    if (this.restyle.length > 0) return;
    for (const key of this.programmed.keys()) this.render(key, form, 'all');
  }

  /** Gives the rules of a service port, or its absence, to the restorer. */
  private render(key: string, form: RuleForm, what: 'all' | 'chains'): void {
    const wanted = this.wanted.get(key);
    const before = this.programmed.get(key);
    const rules = wanted && serviceRules(wanted.port, wanted.endpoints, this.options, form);
    for (const name of before?.chains.keys() ?? []) {
      if (!rules?.chains.has(name)) this.restorer.removeChain('nat', name);
    }
    for (const [name, lines] of rules?.chains ?? []) this.restorer.setChain('nat', name, lines);
    if (what === 'all' && (rules || before)) this.setEntries(key, rules);
    if (rules) this.programmed.set(key, what === 'all' || !before ? rules : { ...rules, entries: before.entries });
    else this.programmed.delete(key);
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
