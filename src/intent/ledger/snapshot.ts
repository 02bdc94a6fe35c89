/** A generation's first part: header, snapshot, end. Written in pieces, between which the event loop goes on. */
import { type LedgerFile, writeAll } from "./disk.ts";
import { encodeEnd, encodeHeader, encodePairs, type Header, type Pair } from "./lines.ts";
import type { LedgerTable } from "./table.ts";

/** Characters of a line, about: what is put together at once, and what one damaged byte can cost. */
const LINE = 32 * 1024;

/** Pairs as they fit into a line; never none. */
function* batches(pairs: Iterable<Pair>): Generator<readonly Pair[]> {
  let batch: Pair[] = [];
  let length = 0;
  for (const pair of pairs) {
    batch.push(pair);
    length += pair[0].length + (pair[1]?.length ?? 0);
    if (length < LINE) continue;
    yield batch;
    batch = [];
    length = 0;
  }
  if (batch.length > 0) yield batch;
}

function* linesOf(header: Header, table: LedgerTable): Generator<Buffer> {
  let sequence = header.after + 1;
  yield encodeHeader(header);
  for (const pairs of batches(table.texts())) yield encodePairs(++sequence, "snapshot", pairs);
  yield encodeEnd(++sequence, table.size);
}

/** On the disk when it resolves. Answers the last line's sequence number and the offset behind it. */
export async function writeSnapshot(
  file: LedgerFile,
  header: Header,
  table: LedgerTable,
): Promise<{ readonly sequence: number; readonly end: number }> {
  let sequence = header.after;
  let end = 0;
  for (const line of linesOf(header, table)) {
    await writeAll(file, line, end);
    end += line.length;
    sequence++;
  }
  await file.datasync();
  return { sequence, end };
}
