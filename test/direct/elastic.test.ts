/** Elastic tab stops: worked examples of the rules that Rust's tabwriter follows. */
import { describe, expect, it } from "vitest";
import { elastic } from "../../src/cli/direct/elastic.ts";

describe("elastic tab stops", () => {
  it("make a column as wide as its widest cell and two more", () => {
    expect(elastic("a\tb\nlonger\tc\n")).toBe("a       b\nlonger  c\n");
  });

  it("give a column at least two and its padding", () => {
    expect(elastic("a\tb\n")).toBe("a   b\n");
    expect(elastic("\tb\n")).toBe("    b\n");
  });

  it("end a column at a line that does not have it", () => {
    expect(elastic("HEAD OF IT\tX\n-----\na\tb\n")).toBe("HEAD OF IT  X\n-----\na   b\n");
  });

  it("let a column reach over lines in which others have ended", () => {
    expect(elastic("a\tbbbb\tc\naaa\tb\na\tb\tc\n")).toBe("a    bbbb  c\naaa  b\na    b   c\n");
  });

  it("leave what follows the last tab as it is", () => {
    expect(elastic("a\tvery long\nb\tc\n")).toBe("a   very long\nb   c\n");
    expect(elastic("no tabs at all")).toBe("no tabs at all");
  });
});
