const minShares = 2;
const maxShares = 262_144;
const maxWeight = 10_000;

/** cgroup v2 cpu.weight (1 to 10000) of v1 CPU shares (2 to 262144): KEP-2254. */
export function sharesToWeight(shares: number): number {
  if (shares >= maxShares) return maxWeight;
  const above = Math.max(0, shares - minShares);
  return 1 + Math.floor((above * (maxWeight - 1)) / (maxShares - minShares));
}
