import assert from "node:assert/strict";
import { readEnvFile } from "../../src/settings/env_file.ts";
import fc from "../support/fast_check.ts";

/**
 * A line, and the value that each reader gives the variable `A`; undefined: it sets none, or refuses the
 * line.
 */
interface Row {
  readonly line: string;
  readonly ours: string | undefined;
  /** Of a shell that is asked; only where it does nothing but set the variable. */
  readonly shell?: string;
  readonly systemd?: string;
  readonly docker?: string;
}

const same = (line: string, value: string): Row => ({
  line,
  ours: value,
  shell: value,
  systemd: value,
  docker: value,
});

const ACCEPTED: readonly Row[] = [
  same("A=x", "x"),
  same("A=", ""),
  same("A=x#y", "x#y"),
  same("A=#y", "#y"),
  same("A=http://u:p%20q@h:1/x?y=z", "http://u:p%20q@h:1/x?y=z"),
  same("A=a=b", "a=b"),
  same("A=50$", "50$"),
  same("  A=x", "x"),
  { line: "A=x \t", ours: "x", shell: "x", systemd: "x", docker: "x \t" },
  { line: "A=a b", ours: "a b", systemd: "a b", docker: "a b" },
  {
    line: "A=a.*=kafka;*=none",
    ours: "a.*=kafka;*=none",
    systemd: "a.*=kafka;*=none",
    docker: "a.*=kafka;*=none",
  },
  { line: "export A=x", ours: "x", shell: "x" },
  {
    line: "A='x # $y \\ \"'",
    ours: 'x # $y \\ "',
    shell: 'x # $y \\ "',
    systemd: 'x # $y \\ "',
    docker: "'x # $y \\ \"'",
  },
  { line: 'A="x # y"', ours: "x # y", shell: "x # y", systemd: "x # y", docker: '"x # y"' },
  {
    line: 'A="a\\"b\\\\c\\$d\\`e"',
    ours: 'a"b\\c$d`e',
    shell: 'a"b\\c$d`e',
    systemd: 'a"b\\c$d`e',
    docker: '"a\\"b\\\\c\\$d\\`e"',
  },
  { line: 'A="C:\\dir"', ours: "C:\\dir", shell: "C:\\dir", systemd: "C:\\dir", docker: '"C:\\dir"' },
  { line: "A=''", ours: "", shell: "", systemd: "", docker: "''" },
  { line: "A='x' ", ours: "x", shell: "x", systemd: "x", docker: "'x' " },
  { line: "; A=x", ours: undefined },
  { line: "# A=x", ours: undefined },
  { line: "", ours: undefined },
];

const REFUSED: readonly (readonly [line: string, problem: RegExp])[] = [
  ["A=http://x # note", /comment behind its value/],
  ["A=x\t# note", /comment behind its value/],
  ["A= # note", /comment behind its value/],
  ["A=# note", /comment behind its value/],
  ["A='x' # note", /comment behind its value/],
  ["A='x", /quote that does not end on its line/],
  ['A="x\\"', /quote that does not end on its line/],
  ["A='x'y", /text behind its closing quote/],
  ["A='x''y'", /text behind its closing quote/],
  ["A=it's", /quote in its middle/],
  ["A=x\\y", /backslash, which systemd and shells take away/],
  ["A=x\\", /ends in a backslash/],
  ["A=${B}/x", /\$ or a backtick/],
  ["A=$B", /\$ or a backtick/],
  ['A="x$B"', /\$ or a backtick/],
  ["A=`id`", /\$ or a backtick/],
  ["A =x", /space before its =/],
  ["A= x", /space behind its =/],
  ["A", /has no =/],
  ["export A", /has no =/],
  ["A: x", /has no =/],
  ["=x", /no name/],
  ["1A=x", /no name/],
  ["a.b=x", /no name/],
  ["set A=x", /no name/],
  ["A=x\x00", /NUL character/],
  ["A=x\uFFFD", /not UTF-8/],
  ["A=x\x1b[2J", /control character/],
  ["A=x\rB=y", /control character/],
  ["# note \\", /older systemd takes the next line as a part of it/],
];

const read = (text: string) => readEnvFile(text, () => true);

function valueOf(line: string): string | undefined {
  const { variables, faults } = read(line);
  assert.deepEqual(faults, [], JSON.stringify(line));
  return variables.at(0)?.value;
}

Deno.test("lines that are accepted read as the table says", () => {
  for (const { line, ours } of ACCEPTED) assert.equal(valueOf(line), ours, JSON.stringify(line));
});

Deno.test("what is refused is told with its line and without its text", () => {
  for (const [line, problem] of REFUSED) {
    const { variables, faults } = read(`# first\n${line}\n`);
    assert.deepEqual(variables, [], JSON.stringify(line));
    assert.deepEqual(faults.map((fault) => fault.line), [2], JSON.stringify(line));
    assert.match(faults[0]!.problem, problem, JSON.stringify(line));
  }
});

Deno.test("a byte order mark and line ends of Windows cost nothing", () => {
  const { variables, faults } = read("\uFEFFA=x\r\n\r\n# c\r\nB='y'\r\n");
  assert.deepEqual(faults, []);
  assert.deepEqual(variables, [{ line: 1, name: "A", value: "x" }, { line: 4, name: "B", value: "y" }]);
});

Deno.test("of other programs' variables only what runs over to the next line is a fault", () => {
  const text = "A=${B} # c\nB=it's\nC=a\\b\nD='open\nE=on\\\n";
  const { faults } = readEnvFile(text, () => false);
  assert.deepEqual(faults.map(({ line }) => line), [4, 5]);
});

Deno.test("a real shell reads what the table says", async () => {
  for (const { line, shell } of ACCEPTED.filter((row) => row.shell !== undefined)) {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", 'set -a; eval "$1"; printf %s "$A"', "sh", line],
      clearEnv: true,
    }).output();
    assert.equal(new TextDecoder().decode(stdout), shell, JSON.stringify(line));
  }
});

Deno.test("the rules of systemd and of Docker give what the table says", () => {
  for (const { line, systemd, docker } of ACCEPTED) {
    assert.equal(ofSystemd(line), systemd, `systemd: ${JSON.stringify(line)}`);
    if (!/^[;#]|^$|^export/.test(line)) {
      assert.equal(ofDocker(line), docker, `Docker: ${JSON.stringify(line)}`);
    }
  }
});

Deno.test("property: what is accepted means the same to systemd and, where nothing is quoted, to Docker", () => {
  const piece = fc.constantFrom(..."ab=#'\"\\$`{ \t;*%", " # ", "${B}", "\\\\", '\\"');
  const value = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  let accepted = 0;
  fc.assert(
    fc.property(value, (raw) => {
      const { variables: [variable] } = read(`A=${raw}`);
      if (variable === undefined) return;
      accepted++;
      assert.equal(ofSystemd(`A=${raw}`), variable.value);
      if (!/^['"]/.test(raw)) assert.equal(ofDocker(`A=${raw}`)!.trim(), variable.value);
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});

/** One line as systemd.exec(5) says that EnvironmentFile= is read; undefined: it sets nothing. */
function ofSystemd(line: string): string | undefined {
  const [, key, raw] = /^\s*([^#;=\s][^=]*?)\s*=(.*)$/s.exec(line) ?? [];
  if (key === undefined || raw === undefined || !/^[A-Za-z_]\w*$/.test(key)) return undefined;
  let value = "";
  let quote = "";
  let blanks = "";
  let isPlain = false;
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at]!;
    const next = raw[at + 1];
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"' && next !== undefined) {
        value += '"\\`$'.includes(next) ? next : character + next;
        at++;
      } else value += character;
    } else if (!isPlain && /\s/.test(character)) continue;
    else if (!isPlain && /['"]/.test(character)) quote = character;
    else {
      isPlain = true;
      if (/\s/.test(character)) blanks += character;
      else {
        value += blanks + (character === "\\" ? next ?? "" : character);
        blanks = "";
        if (character === "\\") at++;
      }
    }
  }
  return value;
}

/** One line of `docker run --env-file`: all behind the first `=` is the value. */
function ofDocker(line: string): string | undefined {
  const [, name, value] = /^\s*([^=]*)=(.*)$/s.exec(line) ?? [];
  return name === undefined || /\s/.test(name) ? undefined : value;
}
