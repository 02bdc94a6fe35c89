/** Why a binding is not there, in one line: what loaders say below it is a stack of paths. */
export function doesNotLoad(what: string, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${what} does not load: ${message.split("\n", 1)[0]}`, { cause });
}
