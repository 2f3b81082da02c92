/** A pod's limits, in bits a second: `ingress` towards the pod. */
const annotations = {
  ingress: 'kubernetes.io/ingress-bandwidth',
  egress: 'kubernetes.io/egress-bandwidth',
} as const;

/** Bounds of k8s.io/kubernetes/pkg/util/bandwidth. */
const least = 1e3;
const most = 1e15;

/**
 * How much may pass at once: a tenth of a second's worth. A large burst (kubelet's CNI code gave 2 Gbit) would mean
 * that the limit begins to hold only after as much. Not less than one large packet as network cards split them.
 */
const burstOf = (rate: number) => Math.min(Math.max(Math.ceil(rate / 10), 64 * 1024 * 8), 2 ** 31 - 1);

/** CNI's bandwidth capability of a pod's annotations; those that are no limits are left out. */
export function bandwidth(of: Record<string, string>): Record<string, unknown> {
  const ingress = bits(of[annotations.ingress]);
  const egress = bits(of[annotations.egress]);
  if (ingress === undefined && egress === undefined) return {};
  return {
    bandwidth: {
      ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: burstOf(ingress) }),
      ...(egress === undefined ? {} : { egressRate: egress, egressBurst: burstOf(egress) }),
    },
  };
}

/** Throws for an annotation that is no limit: a pod must not run without one that was asked for. */
export function checkBandwidth(of: Record<string, string>): void {
  for (const name of Object.values(annotations)) {
    const text = of[name];
    if (text === undefined) continue;
    const value = quantity(text);
    const wrong = (why: string) => new Error(`failed to get pod bandwidth info from annotations: ${why}`);
    if (value === undefined) throw wrong(`${name}: ${JSON.stringify(text)} is no quantity`);
    if (value < least) throw wrong('resource is unreasonably small (< 1kbit)');
    if (value > most) throw wrong('resource is unreasonably large (> 1Pbit)');
  }
}

function bits(text: string | undefined): number | undefined {
  const value = text === undefined ? undefined : quantity(text);
  return value === undefined || value < least || value > most ? undefined : value;
}

const suffixes: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity in whole units; undefined for what is none. */
function quantity(text: string): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$/.exec(text);
  if (!match) return undefined;
  const scale = match[2] === undefined ? (suffixes[match[3] ?? ''] ?? 1) : 10 ** Number(match[2]);
  return Math.floor(Number(match[1]) * scale);
}
