// A count over time as small bars.

/** The bars as one path in a box of (counts) by 10; a single one among many is still seen. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(0, ...counts);
  return counts
    .map((count, at) => {
      if (count <= 0) return '';
      const height = Math.max(1.5, (count / most) * 10);
      return `M${at + 0.1} 10V${Math.round((10 - height) * 10) / 10}H${at + 0.9}V10Z`;
    })
    .join('');
}
