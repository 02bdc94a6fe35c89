/** Server-sent events out of an agent's answer (the `text/event-stream` of the HTML standard, as far as agents use it). */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export class EventReader {
  /** The number to come back with: of the last event, or what the agent said of the time before the first. */
  lastId: string | undefined;

  constructor(lastId: string | undefined) {
    this.lastId = lastId;
  }

  /** `chunks`: text, cut anywhere. An event that did not come to its end is none. */
  async *read(chunks: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
    let rest = "";
    for await (const chunk of chunks) {
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop() as string;
      for (const block of blocks) {
        const fields = parseBlock(block);
        this.lastId = fields.get("id") ?? this.lastId;
        const data = fields.get("data");
        if (data !== undefined) yield { id: this.lastId ?? "", event: fields.get("event") ?? "message", data };
      }
    }
  }
}

/** A comment is a field without a name. */
function parseBlock(block: string): Map<string, string> {
  return new Map(
    block.split("\n").map((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
    }),
  );
}
