/** What the program needs of a logger; pino's is one. Fields first, then the sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const NO_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };
