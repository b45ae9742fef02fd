/** A comment, string, quoted name, dollar-quoted body, word, or any other single character. An open end takes the rest. */
const token =
  /--[^\n]*|\/\*|[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d+|[\s\S]/y;

/** Where the block comment that begins at `start` ends; they nest. */
function endOfComment(text: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}

/**
 * The statements of an SQL script, each with its semicolon and the comments before it. Joined they are the script. For Citus,
 * which passes the whole text it was sent on to its nodes.
 */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let words: string[] = [];
  let parentheses = 0;
  // `begin atomic … end` of a function is one statement, its semicolons and `case … end` included.
  let blocks = 0;
  const end = (at: number) => {
    const statement = text.slice(start, at);
    if (words.length > 0) statements.push(statement);
    else if (statements.length > 0) statements.push((statements.pop() ?? "") + statement);
    start = at;
    words = [];
    parentheses = 0;
    blocks = 0;
  };
  token.lastIndex = 0;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [piece] = found;
    if (piece === "/*") {
      token.lastIndex = endOfComment(text, found.index);
    } else if (piece.startsWith("$") && piece.length > 1) {
      const close = text.indexOf(piece, token.lastIndex);
      token.lastIndex = close === -1 ? text.length : close + piece.length;
    } else if (piece === "(") {
      parentheses += 1;
    } else if (piece === ")") {
      parentheses -= 1;
    } else if (piece === ";" && parentheses === 0 && blocks === 0) {
      end(token.lastIndex);
    } else if (/^[a-z_]/i.test(piece) && !/^e'/i.test(piece)) {
      const word = piece.toLowerCase();
      words.push(word);
      const makesRoutine =
        words[0] === "create" && words.slice(1, 4).some((w) => w === "function" || w === "procedure");
      if (word === "atomic" && words.at(-2) === "begin" && makesRoutine) blocks += 1;
      else if (blocks > 0 && word === "case") blocks += 1;
      else if (blocks > 0 && word === "end") blocks -= 1;
    }
  }
  end(text.length);
  return statements;
}
