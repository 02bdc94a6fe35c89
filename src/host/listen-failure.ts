/** Why nobody can be listened to at an address: which address, the reason, and the way out. */
import path from "node:path";

const WHO_HAS_IT = process.platform === "sunos" ? "netstat -anu" : "ss -ltnp";
const WHICH_ARE_THERE = process.platform === "sunos" ? "ipadm show-addr" : "ip address";

const TCP: Readonly<Record<string, string>> = {
  EADDRINUSE: `another process has it (\`${WHO_HAS_IT}\` says which); stop that one, or name another with --listen`,
  EADDRNOTAVAIL: `this host has no such address, or not yet; \`${WHICH_ARE_THERE}\` lists those that it has`,
  EACCES: "ports below 1024 are for root and who has the privilege; name another with --listen",
};

const codeOf = (error: unknown) =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** The errno's name stays with it: by that a missing privilege is told, and gets its own exit status. */
function named(address: string, error: unknown, wayOut: string): Error {
  const code = codeOf(error);
  return Object.assign(new Error(`listen: ${address}: ${wayOut} (${code})`, { cause: error }), { code });
}

export function tcpListenFailure(address: string, error: unknown): unknown {
  const wayOut = TCP[codeOf(error)];
  return wayOut === undefined ? error : named(address, error, wayOut);
}

/** That the folder is there was looked at before. */
export function unixListenFailure(socket: string, error: unknown): unknown {
  const folder = path.dirname(socket);
  if (codeOf(error) !== "EACCES") return error;
  return named(`unix:${socket}`, error, `this user may make nothing in ${folder}; give it the right, or name another`);
}
