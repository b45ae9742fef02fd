/** A straight line through points. */
export interface LinearFit {
  readonly points: number;
  /** Per unit of x. */
  readonly slope: number;
  readonly intercept: number;
  /** How much of the variance the line explains, 0 to 1; 1 where all values are the same. */
  readonly r2: number;
}

/** The line with the smallest squared distance; undefined for fewer than two different x. */
export const linearFit = (points: readonly (readonly [x: number, y: number])[]): LinearFit | undefined => {
  const count = points.length;
  const mean = (pick: 0 | 1): number => points.reduce((sum, point) => sum + point[pick], 0) / count;
  const [meanX, meanY] = [mean(0), mean(1)];
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (count < 2 || xx === 0) return undefined;
  const slope = xy / xx;
  return { points: count, slope, intercept: meanY - slope * meanX, r2: yy === 0 ? 1 : (xy * xy) / (xx * yy) };
};
