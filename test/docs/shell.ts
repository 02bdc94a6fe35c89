/** The simple commands of a shell text, read without running it: words, without variables' values. */

/** Ends a simple command. */
const SEPARATOR = /^(?:&&|\|\||[;&|\n()])/;
const REDIRECTION = /^[0-9]?(?:>>|>&|<&|>|<)[&0-9-]*/;
/** Words of the shell's own before a command. */
const BEFORE = new Set(["if", "then", "else", "elif", "while", "until", "do", "!", "{", "time"]);
const ALONE = new Set(["fi", "done", "}", "esac", ""]);

class Reader {
  readonly #text: string;
  #at = 0;
  /** Ends of here-documents that begin after this line. */
  #hereDocuments: string[] = [];

  constructor(text: string) {
    this.#text = text.replaceAll("\\\n", " ");
  }

  get #rest(): string {
    return this.#text.slice(this.#at);
  }

  commands(): string[][] {
    const commands: string[][] = [];
    while (this.#at < this.#text.length) {
      const words = this.#command();
      while (words.length > 0 && (BEFORE.has(words[0] as string) || /^[A-Za-z_]\w*=/.test(words[0] as string)))
        words.shift();
      if (words.length > 0 && !ALONE.has(words[0] as string)) commands.push(words);
    }
    return commands;
  }

  #command(): string[] {
    const words: string[] = [];
    for (;;) {
      this.#at += /^(?:[ \t]|#.*)*/.exec(this.#rest)?.[0].length ?? 0;
      const separator = SEPARATOR.exec(this.#rest)?.[0];
      if (this.#at >= this.#text.length || separator !== undefined) {
        this.#at += separator?.length ?? 0;
        if (separator === "\n") this.#skipHereDocuments();
        return words;
      }
      if (this.#rest.startsWith("<<")) {
        this.#at += 2;
        this.#hereDocuments.push(this.#word());
        continue;
      }
      const redirection = REDIRECTION.exec(this.#rest)?.[0];
      if (redirection === undefined) {
        words.push(this.#word());
        continue;
      }
      this.#at += redirection.length;
      this.#at += /^ */.exec(this.#rest)?.[0].length ?? 0;
      if (!redirection.includes("&")) this.#word();
    }
  }

  #skipHereDocuments(): void {
    for (const end of this.#hereDocuments) {
      const found = this.#rest.search(new RegExp(`^${end}$`, "m"));
      if (found < 0) throw new Error(`the here-document ${end} does not end`);
      this.#at += found + end.length;
    }
    this.#hereDocuments = [];
  }

  #word(): string {
    let word = "";
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] as string;
      if (/[\s;&|()<>]/.test(character) && !(character === "(" && word.endsWith("$"))) break;
      word += character === "'" || character === '"' ? this.#quoted(character) : this.#plain();
    }
    return word;
  }

  #quoted(quote: string): string {
    const pattern = quote === "'" ? /^'([^']*)'/ : /^"((?:[^"\\]|\\.)*)"/s;
    const [whole, inner = ""] = pattern.exec(this.#rest) ?? [];
    if (whole === undefined) throw new Error(`a quote does not end: ${this.#rest.slice(0, 40)}`);
    this.#at += whole.length;
    return inner;
  }

  #plain(): string {
    const [text] = /^(?:\$\([^)]*\)|\\.|[\s\S])/.exec(this.#rest) as RegExpExecArray;
    this.#at += text.length;
    return text.startsWith("\\") ? text.slice(1) : text;
  }
}

export function commandsIn(text: string): string[][] {
  return new Reader(text).commands();
}
