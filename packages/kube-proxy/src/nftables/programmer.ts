import { IptablesError, RestoreError, run } from '@kubelab/node-iptables';
import type { Programmer } from '../family-proxier.js';
import type { RuleOptions } from '../iptables/options.js';
import type { ProgramResult, RefusedService } from '../iptables/programmer.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import type { ServicePort } from '../model/types.js';
import { forNone, type Line, TableState } from './changes.js';
import { endpointMaps, mapsPart, pickChain } from './endpoint-maps.js';
import { fixedPart, nodePart, words } from './layout.js';
import type { Form, Part } from './part.js';
import { rememberedClients } from './remembered.js';
import { servicePart } from './service-part.js';

/** Chains for this many endpoints are made at the start; a Service with more costs one full write. */
const preparedPicks = 32;

/**
 * With more endpoints than this in all, traffic comes to them by maps; with a tenth less, by chains again. It is
 * kube-proxy's measure of a large cluster; the kernel's check of the chains costs 5 ms a change there, and 150 ms at
 * twenty times as many.
 */
const manyEndpoints = 1000;

/** A chain is empty this long before it goes, as in kube-proxy (see TableState). */
const unusedMs = 1000;

/** The key of what is of no Service. */
const nodeKey = '';

interface Failure {
  line: Line | undefined;
  error: RestoreError;
}

/** Programs service ports into one nftables table, of which each change writes what differs. */
export class NftablesProgrammer implements Programmer {
  private readonly wanted = new Map<string, { port: ServicePort; endpoints: CategorizedEndpoints }>();
  private readonly dirty = new Set<string>([nodeKey]);
  private serviceCidrs: readonly string[] = [];
  private state: TableState;
  private form: Form = 'chains';
  /** Endpoints of all service ports. */
  private total = 0;
  private isKnown = false;

  constructor(
    private options: RuleOptions,
    private readonly prefix: string[] = [],
    /** Chains that nothing leads to could not be deleted; they are tried again. */
    private readonly onCleanupFailure: () => void = () => undefined,
  ) {
    const { table, ip } = words(options);
    this.state = new TableState(table, ip);
  }

  set(port: ServicePort, endpoints: CategorizedEndpoints): void {
    this.total += endpoints.total - (this.wanted.get(port.key)?.endpoints.total ?? 0);
    this.wanted.set(port.key, { port, endpoints });
    this.dirty.add(port.key);
  }

  remove(key: string): void {
    this.total -= this.wanted.get(key)?.endpoints.total ?? 0;
    this.wanted.delete(key);
    this.dirty.add(key);
  }

  forget(): void {
    this.isKnown = false;
  }

  setNodePortAddresses(addresses: readonly string[] | undefined): void {
    // Whether all addresses answer decides about rules; it is a matter of flags, and does not change.
    if ((addresses === undefined) !== (this.options.nodePortAddresses === undefined)) this.forget();
    this.options = { ...this.options, nodePortAddresses: addresses };
    this.dirty.add(nodeKey);
  }

  setServiceCidrs(cidrs: readonly string[]): void {
    this.serviceCidrs = cidrs;
    this.dirty.add(nodeKey);
  }

  /** The table is ours alone; what a flush of it, or of all tables, takes away tells. */
  async verify(): Promise<number> {
    if (!this.isKnown) return 0;
    const { table } = words(this.options);
    const { code, stdout } = await run([...this.prefix, 'nft', 'list', 'chain', ...table.split(' '), 'services']);
    if (code !== 0 || !stdout.includes('@service-ips')) {
      this.forget();
      return 1;
    }
    await this.runWithUnused([]);
    return 0;
  }

  async apply(): Promise<ProgramResult> {
    const refused: RefusedService[] = [];
    for (;;) {
      const form = this.total > (this.form === 'maps' ? manyEndpoints * 0.9 : manyEndpoints) ? 'maps' : 'chains';
      if (form !== this.form) this.isKnown = false;
      this.form = form;
      let parts = this.isKnown ? this.changedParts() : undefined;
      if (parts && this.needsPickChain(parts)) parts = undefined;
      const before = parts ? [] : await this.newTable();
      const lines = [...before, ...this.state.update(parts ?? this.changedParts())];
      if (lines.length === 0) {
        this.dirty.clear();
        return { changedChains: 0, lines: 0, refused };
      }
      const failed = await this.runWithUnused(lines);
      if (!failed) {
        const changedChains = this.dirty.size;
        this.isKnown = true;
        this.dirty.clear();
        return { changedChains, lines: lines.length, refused };
      }
      // Nothing was written: a transaction. What is known of the kernel was updated while planning, so start anew.
      this.isKnown = false;
      const owner = failed.line?.owner;
      if (owner === undefined) throw failed.error;
      this.remove(owner);
      refused.push({ key: owner, error: failed.error });
    }
  }

  private changedParts(): Map<string, Part | undefined> {
    const { options, form } = this;
    const parts = new Map<string, Part | undefined>();
    for (const key of this.dirty) {
      const w = this.wanted.get(key);
      if (key === nodeKey) parts.set(key, nodePart(options, this.serviceCidrs));
      else parts.set(key, w && servicePart({ ...w, options }, form));
    }
    return parts;
  }

  /**
   * Lines that make the table anew, with nothing of any Service; all parts are dirty then. Clients stay with their
   * endpoints, also if it was another process that sent them there.
   */
  private async newTable(): Promise<Line[]> {
    const { options } = this;
    const { table, ip } = words(options);
    const isSticky = [...this.wanted.values()].some(({ port }) => port.affinitySeconds !== undefined);
    const remembered = isSticky ? await rememberedClients(table, this.prefix) : new Map();
    this.state = new TableState(table, ip, remembered);
    this.dirty.add(nodeKey);
    for (const key of this.wanted.keys()) this.dirty.add(key);
    const fixed = [`add table ${table}`, `delete table ${table}`, ...fixedPart(options)].map(forNone);
    if (this.form === 'chains') return fixed;
    const lines = [...fixed, ...mapsPart(options).map(forNone)];
    for (const map of endpointMaps) {
      for (let n = 1; n <= preparedPicks; n++) {
        const { name, rules } = pickChain(options, map, n);
        for (const line of this.state.addShared(name, rules)) lines.push(line);
      }
    }
    return lines;
  }

  /**
   * True if a Service has more endpoints than there is a chain for. nft 1.0.6 can't read the type of these maps back
   * from the kernel, so rules that use them must be in the transaction that makes them.
   */
  private needsPickChain(parts: ReadonlyMap<string, Part | undefined>): boolean {
    for (const part of parts.values()) {
      for (const name of part?.shared.keys() ?? []) {
        if (name.startsWith('pick-') && !this.state.hasShared(name)) return true;
      }
    }
    return false;
  }

  /** Runs the lines, and before them the deletion of chains that have been unused for long enough. */
  private async runWithUnused(lines: Line[]): Promise<Failure | undefined> {
    const { table } = words(this.options);
    const { unused } = this.state;
    const before = Date.now() - unusedMs;
    const old = [...unused].filter(([, since]) => since < before);
    if (old.length + lines.length === 0) return undefined;
    const failed = await this.run([...old.map(([name]) => forNone(`delete chain ${table} ${name}`)), ...lines]);
    if (!failed) {
      // One that came into use and out of it meanwhile has another time.
      for (const [name, since] of old) if (unused.get(name) === since) unused.delete(name);
      return undefined;
    }
    if (old.length === 0) return failed;
    // The kernel may still hold one of them: they can wait.
    this.onCleanupFailure();
    for (const [name] of old) if (unused.has(name)) unused.set(name, Date.now());
    return lines.length > 0 ? this.run(lines) : undefined;
  }

  private async run(lines: Line[]): Promise<Failure | undefined> {
    const script = `${lines.map((l) => l.text).join('\n')}\n`;
    const { code, stderr } = await run([...this.prefix, 'nft', '-f', '-'], script);
    if (code === 0) return undefined;
    const number = Number(/(?:stdin|-):(\d+):/.exec(stderr)?.[1]) || undefined;
    const line = number === undefined ? undefined : lines[number - 1];
    const error = new RestoreError(new IptablesError('nft -f -', code, stderr.slice(0, 1000)), {
      ...(number === undefined ? {} : { line: number }),
      ...(line ? { text: line.text } : {}),
    });
    return { line, error };
  }
}

/** Removes the tables of this mode, if they are there. Returns how many. */
export async function removeNftablesTables(prefix: string[] = []): Promise<number> {
  let removed = 0;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { table } = words({ family });
    try {
      const { code } = await run([...prefix, 'nft', 'delete', 'table', ...table.split(' ')]);
      if (code === 0) removed++;
    } catch (error) {
      // Without nft there is no table of ours either.
      if (!(error instanceof IptablesError)) throw error;
    }
  }
  return removed;
}
