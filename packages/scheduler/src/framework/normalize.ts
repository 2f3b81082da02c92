import { maxNodeScore, type NodeScore } from './plugin.js';

/** Scales scores so that the highest becomes 100; `reverse` makes the lowest the best. */
export function defaultNormalize(scores: NodeScore[], reverse: boolean): void {
  let max = 0;
  for (const s of scores) max = Math.max(max, s.score);
  if (max === 0) {
    if (reverse) for (const s of scores) s.score = maxNodeScore;
    return;
  }
  for (const s of scores) {
    const scaled = Math.floor((maxNodeScore * s.score) / max);
    s.score = reverse ? maxNodeScore - scaled : scaled;
  }
}
