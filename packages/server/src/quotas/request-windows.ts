/** What was counted for one key since its window began. */
export interface Window {
  count: number;
  /** By the clock that nobody sets (`performance.now()`). */
  endsAt: number;
}

export interface RequestWindows {
  /** Counts one more. A key's window begins with its first request, and a new one with the first after its end. */
  count(key: string): Readonly<Window>;
}

/** Counts requests by key in windows of so many milliseconds; beyond `most` keys the one not used for longest starts anew. */
export const createRequestWindows = (windowMs: number, most: number): RequestWindows => {
  // In the order of their last use.
  const windows = new Map<string, Window>();
  return {
    count: (key) => {
      const now = performance.now();
      const known = windows.get(key);
      if (known !== undefined) windows.delete(key);
      else if (windows.size >= most) {
        const [oldest] = windows.keys();
        if (oldest !== undefined) windows.delete(oldest);
      }
      const window = known ?? { count: 0, endsAt: 0 };
      if (window.endsAt <= now) {
        window.count = 0;
        window.endsAt = now + windowMs;
      }
      window.count += 1;
      windows.set(key, window);
      return window;
    },
  };
};
