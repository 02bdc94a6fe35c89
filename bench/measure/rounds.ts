/**
 * Variants in turn: every round measures each of them once. Which comes first moves on with every
 * round, so that none always follows the same other.
 */
export type Variants<Name extends string> = Readonly<Record<Name, () => Promise<number>>>;

export async function inTurn<Name extends string>(
  rounds: number,
  variants: Variants<Name>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(variants) as Name[];
  const series = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) series[name].push(await variants[name]());
  }
  return series;
}
