/** What a check found. What is not in order always has a way out. */
interface Looked {
  readonly check: string;
  readonly found: string;
  readonly expected: string;
}

export type Finding = Looked &
  (
    | { readonly state: "ok" | "not applicable"; readonly wayOut?: undefined }
    | { readonly state: "warning" | "failed"; readonly wayOut: string }
  );

export type State = Finding["state"];

export const STATES: readonly State[] = ["failed", "warning", "ok", "not applicable"];

export function ok(check: string, found: string, expected: string): Finding {
  return { check, state: "ok", found, expected };
}

export function notApplicable(check: string, found: string, expected: string): Finding {
  return { check, state: "not applicable", found, expected };
}

export function warning(check: string, found: string, expected: string, wayOut: string): Finding {
  return { check, state: "warning", found, expected, wayOut };
}

export function failed(check: string, found: string, expected: string, wayOut: string): Finding {
  return { check, state: "failed", found, expected, wayOut };
}

/** The first few, and how many more there are. */
export function some(texts: readonly string[], most = 3): string {
  const more = texts.length - most;
  return more > 0 ? `${texts.slice(0, most).join("; ")}; and ${more} more` : texts.join("; ");
}

export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
