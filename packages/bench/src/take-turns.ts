/** Something that has its turn in each round. */
export interface Turn<T> {
  readonly name: string;
  readonly run: (round: number) => Promise<T>;
}

/** Lets all take turns, each round in another order; what each gave, by rounds. */
export const takeTurns = async <T>(
  turns: readonly Turn<T>[],
  rounds: number,
  done: (round: number, name: string, result: T) => void,
): Promise<T[][]> => {
  const results = turns.map((): T[] => []);
  for (let round = 1; round <= rounds; round += 1) {
    for (let place = 0; place < turns.length; place += 1) {
      const index = (place + round) % turns.length;
      const turn = turns[index];
      if (turn === undefined) continue;
      const result = await turn.run(round);
      done(round, turn.name, result);
      results[index]?.push(result);
    }
  }
  return results;
};
