const units = [
  [86_400, "d"],
  [3600, "h"],
  [60, "m"],
  [1, "s"],
] as const;

/** Seconds as the two largest units: `3d 4h`. */
export const durationText = (seconds: number): string => {
  const parts = units.map(([size, unit], index) => {
    const larger = units[index - 1]?.[0] ?? Number.POSITIVE_INFINITY;
    return [Math.floor((seconds % larger) / size), unit] as const;
  });
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
};

/** How long before `at` a time was, as the largest unit: `12m`. What lies ahead is `0s` old. */
export const ageText = (at: string, time: string): string => {
  const seconds = Math.max(0, Math.floor((Date.parse(at) - Date.parse(time)) / 1000));
  const [size, unit] = units.find(([one]) => seconds >= one) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${unit}`;
};
