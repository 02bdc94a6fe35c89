/** A copy of a body with one place changed. */
type Tree = Record<string, unknown>;

/** `path` has dots between keys, list indexes among them; undefined takes the key away. */
export function changed<T extends object>(body: T, path: string, value: unknown): T {
  const copy = structuredClone(body);
  const keys = path.split(".");
  const last = keys.pop() as string;
  let at = copy as Tree;
  for (const key of keys) at = at[key] as Tree;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

/** The last key of a path that is a field's name. */
export function fieldOf(path: string): string {
  return path.split(".").findLast((key) => !/^\d+$/.test(key)) as string;
}
