import { setTimeout as delay } from 'node:timers/promises';
import type { V1NetworkPolicy, V1Pod } from '@kubelab/api';
import { labelSelectorAsSelector } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { type Hook, type Iptables, match, Restorer, renderRule, rule, SyncLoop, target } from '@kubelab/node-iptables';
import type { IpFamily } from '../address.js';
import { type CompiledPolicies, compilePolicies, isPolicyChain, policyChain } from './compile.js';
import { IpsetWriter } from './ipset.js';
import { outputHook, serviceRules, serviceSetLines } from './ipvs.js';
import { type PolicyPod, policyPod } from './model.js';

export interface PolicyEnforcerOptions {
  nodeName: string;
  iptables: Map<IpFamily, Iptables>;
  commandPrefix?: string[];
  /** false. kube-proxy is in IPVS mode: traffic of Services takes another way. */
  ipvs?: boolean;
  /**
   * A new pod waits no longer than this for the policies that isolate it; then its start fails, to be tried again.
   * 5000 ms.
   */
  isolateTimeoutMs?: number;
  logger: Logger;
  signal: AbortSignal;
}

const minSyncMs = 100;
/** Interval at which hooks that others removed are set again. */
const resyncMs = 60_000;

/**
 * Enforces NetworkPolicies on the pods of this node. In the mangle table, since its FORWARD comes after the DNAT of
 * Services and before everything in the filter table, in whatever order others insert there. With IPVS, which sends on without FORWARD, in OUTPUT too.
 */
export class PolicyEnforcer {
  private readonly pods = new Map<string, PolicyPod>();
  private readonly policies = new Map<string, V1NetworkPolicy>();
  private readonly namespaces = new Map<string, Record<string, string>>();
  private readonly writers: FamilyWriter[];
  private readonly loop: SyncLoop;
  /** Addresses of new pods of this node, until their status has them. */
  private readonly newIps = new Map<string, { uid: string | undefined; ips: string[] }>();
  private isRunning = false;
  /** Called when policies are known. */
  private waitingToRun: (() => void)[] = [];

  constructor(private readonly o: PolicyEnforcerOptions) {
    this.writers = [...o.iptables].map(([family, tool]) => new FamilyWriter(family, tool, o));
    this.loop = new SyncLoop({
      minIntervalMs: minSyncMs,
      retryMs: 1000,
      run: () => this.sync(),
      onError: (error) => o.logger.error('Enforcing network policies failed', { error }),
      signal: o.signal,
    });
  }

  setPod(pod: V1Pod): void {
    const key = keyOf(pod);
    const now = policyPod(this.withNewIps(pod), this.o.nodeName);
    const before = this.pods.get(key);
    if (now) this.pods.set(key, now);
    else this.pods.delete(key);
    if (JSON.stringify(now) !== JSON.stringify(before)) this.changed();
  }

  /**
   * Isolates a new pod of this node, to be called with its addresses before its containers start: resolves when the
   * policies that select it hold. What they allow may follow later, as NetworkPolicy has it. Rejects when the rules
   * can't be written, or policies are not known yet, after `isolateTimeoutMs`: the pod's start is to be tried again. A static
   * pod does not wait for policies to be known, for the API server may be one.
   */
  async isolate(pod: V1Pod, ips: string[], isStatic = false): Promise<void> {
    this.newIps.set(keyOf(pod), { uid: pod.metadata?.uid, ips });
    this.setPod(pod);
    if (!this.isRunning && isStatic) return;
    const late = new AbortController();
    const timeout = delay(this.o.isolateTimeoutMs ?? 5000, undefined, { signal: late.signal }).then(() => {
      throw new Error('network policies could not be enforced in time');
    });
    try {
      if (!this.isRunning) await Promise.race([new Promise<void>((known) => this.waitingToRun.push(known)), timeout]);
      if (this.isSelected(pod)) await Promise.race([this.loop.settled(), timeout]);
    } finally {
      late.abort();
      // Its own rejection, when it lost the race, is nobody's concern.
      timeout.catch(() => undefined);
    }
  }

  private isSelected(pod: V1Pod): boolean {
    const { namespace, labels } = pod.metadata ?? {};
    return [...this.policies.values()].some(
      (p) =>
        p.metadata?.namespace === namespace && labelSelectorAsSelector(p.spec?.podSelector ?? {}).matches(labels ?? {}),
    );
  }

  private withNewIps(pod: V1Pod): V1Pod {
    const key = keyOf(pod);
    const known = this.newIps.get(key);
    if (!known) return pod;
    if (pod.status?.podIP || known.uid !== pod.metadata?.uid) {
      this.newIps.delete(key);
      return pod;
    }
    return { ...pod, status: { ...pod.status, podIPs: known.ips.map((ip) => ({ ip })) } };
  }

  removePod(pod: V1Pod): void {
    this.newIps.delete(keyOf(pod));
    if (this.pods.delete(keyOf(pod))) this.changed();
  }

  setNamespace(name: string, labels: Record<string, string> | undefined): void {
    const before = this.namespaces.get(name);
    if (labels) this.namespaces.set(name, labels);
    else this.namespaces.delete(name);
    if (JSON.stringify(labels) !== JSON.stringify(before)) this.changed();
  }

  setPolicy(policy: V1NetworkPolicy): void {
    this.policies.set(keyOf(policy), policy);
    this.loop.trigger();
  }

  removePolicy(policy: V1NetworkPolicy): void {
    if (this.policies.delete(keyOf(policy))) this.loop.trigger();
  }

  /** Works until the signal. To be called when all pods, namespaces and policies are known. */
  async run(): Promise<void> {
    const timer = setInterval(() => {
      for (const w of this.writers) w.recheck();
      this.loop.trigger();
    }, resyncMs);
    this.loop.trigger();
    this.isRunning = true;
    for (const known of this.waitingToRun.splice(0)) known();
    await this.loop.start();
    this.isRunning = false;
    clearInterval(timer);
  }

  /** Something flushed the packet filter: all is written again. */
  forget(): void {
    for (const w of this.writers) w.forget();
    this.loop.trigger();
  }

  /** Whether the rules that lead to all others are still in the kernel. */
  async isIntact(family: IpFamily): Promise<boolean> {
    return (await this.writers.find((w) => w.family === family)?.isIntact()) ?? true;
  }

  settled(): Promise<void> {
    return this.loop.settled();
  }

  private changed(): void {
    // Without policies pods may come and go for nothing.
    if (this.policies.size > 0) this.loop.trigger();
  }

  private async sync(): Promise<void> {
    for (const w of this.writers) {
      const compiled = compilePolicies(
        { pods: this.pods.values(), policies: this.policies.values(), namespaces: this.namespaces },
        w.family,
      );
      await w.write(compiled);
    }
  }
}

/** Sets first, then the rules that use them, then away with sets that none uses. */
class FamilyWriter {
  private readonly restorer: Restorer;
  private readonly sets: IpsetWriter;
  private chains = new Set<string>();
  private setNames: string | undefined;
  private isAdopted = false;

  constructor(
    readonly family: IpFamily,
    iptables: Iptables,
    private readonly o: Pick<PolicyEnforcerOptions, 'commandPrefix' | 'ipvs'>,
  ) {
    this.restorer = new Restorer(iptables);
    this.sets = new IpsetWriter(family, o.commandPrefix);
    // An earlier process may have been in another mode.
    if (!o.ipvs) this.restorer.removeHook(outputHook);
  }

  /** Sets too: who flushes rules may have destroyed what none refers to any more. */
  forget(): void {
    this.restorer.forget();
    this.sets.forget();
  }

  isIntact(): Promise<boolean> {
    return this.restorer.isIntact();
  }

  recheck(): void {
    for (const h of this.hooks()) {
      this.restorer.removeHook(h);
      this.restorer.setHook(h);
    }
  }

  /**
   * Only the first packet of a flow is judged: what is established goes on, as most implementations have it.
   */
  private preamble(): string[] {
    const established = rule({ matches: [match.connectionState('RELATED', 'ESTABLISHED')], target: target.return() });
    const icmp = (type: string) =>
      rule({
        protocol: 'ipv6-icmp',
        matches: [{ module: 'icmp6', options: [{ name: 'icmpv6-type', values: [type] }] }],
        target: target.return(),
      });
    const rules = [...(this.family === 'ipv6' ? discovery.map(icmp) : []), established].map(renderRule);
    return this.o.ipvs ? [...rules, ...serviceRules(this.family)] : rules;
  }

  private hooks(): Hook[] {
    return this.o.ipvs ? [...hooks, outputHook] : hooks;
  }

  async write(c: CompiledPolicies): Promise<void> {
    await this.sets.apply(c.sets);
    if (this.o.ipvs && !this.isAdopted) await this.sets.restore(serviceSetLines(this.family));
    // Without policies a packet passes an empty chain.
    const root = c.dispatch.size > 0 ? [...this.preamble(), ...[...c.dispatch.values()].flat(), unmark] : [];
    this.restorer.setChain('mangle', policyChain.root, root);
    for (const name of this.chains) if (!c.chains.has(name)) this.restorer.removeChain('mangle', name);
    for (const [name, rules] of c.chains) this.restorer.setChain('mangle', name, rules);
    this.chains = new Set(c.chains.keys());
    for (const h of this.hooks()) this.restorer.setHook(h);
    if (!this.isAdopted) {
      await this.restorer.adopt(isPolicyChain, ['mangle']);
      this.isAdopted = true;
    }
    await this.restorer.apply();
    const names = [...c.sets.keys()].sort().join();
    // The first time too: sets may be left from before a restart, during which their policies went away.
    if (names !== this.setNames) await this.sets.prune(c.sets);
    this.setNames = names;
  }
}

/** The mark is for the policies' chains alone. */
const unmark = renderRule(rule({ target: target.setXMark('0x0/0x10000') }));
/** Router and neighbour discovery (RFC 4861): without it there is no link at all. */
const discovery = ['133', '134', '135', '136'];

const jump = renderRule(rule({ comment: 'kubelab network policy', target: target.jump(policyChain.root) }));
/** FORWARD for pods' traffic with others, INPUT for what they send to this node. */
const hooks: Hook[] = [
  { table: 'mangle', chain: 'FORWARD', rule: jump },
  { table: 'mangle', chain: 'INPUT', rule: jump },
];

function keyOf(o: { metadata?: { namespace?: string; name?: string } }): string {
  return `${o.metadata?.namespace ?? ''}/${o.metadata?.name ?? ''}`;
}
