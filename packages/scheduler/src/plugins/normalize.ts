/** Scales scores to 0..most by the highest one; reversed, the lowest is the best (helper.DefaultNormalizeScore). */
export function normalizeScores(scores: number[], most: number, reverse: boolean): void {
  const highest = Math.max(0, ...scores);
  for (let i = 0; i < scores.length; i++) {
    const scaled = highest === 0 ? 0 : Math.floor(((scores[i] ?? 0) * most) / highest);
    scores[i] = reverse ? most - scaled : scaled;
  }
}
