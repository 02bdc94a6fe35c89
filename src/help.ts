/** Help that teaches: to each command why one would use it, and examples that can be typed as they stand. */
import type { Command } from "commander";

export interface Lesson {
  /** One or two sentences. */
  readonly why: string;
  /** Left out for a command that only has others below it. */
  readonly examples?: readonly (readonly [line: string, means: string])[];
  /** Heading in the list of the command above. */
  readonly group?: string;
}

/** By the words behind the program's name. */
export type Lessons = Readonly<Record<string, Lesson>>;

/** What an example means stands beside it, unless the line would get too long. */
const COLUMN = 58;

export function exampleText(examples: NonNullable<Lesson["examples"]>): string {
  const widest = Math.min(COLUMN, Math.max(...examples.map(([line]) => line.length)));
  const lines = examples.map(([line, means]) =>
    (line.length <= widest
      ? `  ${line.padEnd(widest)}  ${means}`
      : `  ${line}\n  ${" ".repeat(widest)}  ${means}`
    ).trimEnd(),
  );
  return `\nExamples:\n${lines.join("\n")}`;
}

/** Longer lines are hard to read, whatever the terminal. */
const WIDEST = 100;

/** Its width, and the options of the command above. */
export function teachForm(command: Command): void {
  command.configureHelp({
    ...command.configureHelp(),
    helpWidth: Math.min(process.stdout.columns ?? WIDEST, WIDEST),
    minWidthToWrap: 30,
    showGlobalOptions: true,
  });
}

/** With what is wrong in a command line goes the usage that it should have had. */
export function sayUsage(command: Command, called: string): void {
  const usage = command.createHelp().commandUsage(command);
  command.showHelpAfterError(`Usage: ${usage}\n\`${called} --help\` has examples.`);
}

function teachOne(command: Command, lesson: Lesson | undefined, called: string): void {
  teachForm(command);
  sayUsage(command, called);
  if (lesson === undefined) return;
  if (command.summary() === "") command.summary(command.description());
  command.description(lesson.why);
  if (lesson.group !== undefined) command.helpGroup(lesson.group);
  if (lesson.examples !== undefined) command.addHelpText("after", exampleText(lesson.examples));
}

/** `called`: how the program is called, with the options that make it this one. */
export function teach(program: Command, called: string, lessons: Lessons): void {
  const visit = (command: Command, words: readonly string[]) => {
    for (const below of command.commands) {
      const path = [...words, below.name()];
      teachOne(below, lessons[path.join(" ")], [called, ...path].join(" "));
      visit(below, path);
    }
  };
  teachForm(program);
  sayUsage(program, called);
  visit(program, []);
}
