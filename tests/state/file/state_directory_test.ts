/** Whose a state directory may be, and what is said where a state may not be used. */
import assert from "node:assert/strict";
import { openDatabase } from "../../../src/platform/file/database.ts";
import { UnfitFile } from "../../../src/platform/file/regular_file.ts";
import { thisUserName } from "../../../src/platform/file/user.ts";
import {
  assertAllowed,
  assertTrusted,
  forbidden,
  obstruction,
  toUntrusted,
} from "../../../src/state/file/state_directory.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError, type StateErrorKind } from "../../../src/state/file/state_error.ts";
import { StateLock } from "../../../src/state/file/state_lock.ts";
import { tryState } from "../../../src/state/file/state_trial.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const isRoot = Deno.uid() === 0;
const LEFT_OUT = isRoot ? "" : " (left out: needs root)";
const STRANGER = 65532;
const DENIED = new Deno.errors.PermissionDenied("Permission denied (os error 13)");

const isError = (kind: StateErrorKind, message: RegExp) => (error: unknown) =>
  error instanceof StateError && error.kind === kind && message.test(error.message);

/** Runs `work` while files cannot be opened by this error. Returns how each was to be opened. */
function withoutFiles(error: Error, work: () => void): (Deno.OpenOptions | undefined)[] {
  const { openSync } = Deno;
  const asked: (Deno.OpenOptions | undefined)[] = [];
  Deno.openSync = (_, options) => {
    asked.push(options);
    throw error;
  };
  try {
    work();
  } finally {
    Deno.openSync = openSync;
  }
  return asked;
}

Deno.test("none of the files that are opened in a state directory may be a link, others may be anything", () =>
  inTemporaryDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/target`, "");
    const isTrusted = (name: string) => {
      Deno.symlinkSync(`${directory}/target`, `${directory}/${name}`);
      try {
        assertTrusted(directory, false);
        return true;
      } catch (error) {
        assert.ok(isError("untrusted", /is not used: .* is a symbolic link.*chmod 700/)(error), `${error}`);
        return false;
      } finally {
        Deno.removeSync(`${directory}/${name}`);
      }
    };
    const own = [
      ...["state.sqlite", "state.sqlite-wal", "state.sqlite.before-7", "aggregates.sqlite", "bus.sqlite"],
      ...[
        "inbox-one.sqlite",
        "births-one.sqlite-wal",
        "figures.ndjson",
        "figures.ndjson.new",
        "lock",
        "commits",
      ],
    ];
    const others = ["state.txt", "my-state.sqlite", "inbox.sqlite", "lock2", "commits.old", "notes"];
    assert.deepEqual([...own, ...others].filter(isTrusted), others);
  }));

Deno.test("a directory that is not there yet can be trusted, and one that everybody may write cannot", () =>
  inTemporaryDirectory((directory) => {
    assertTrusted(`${directory}/new/state`, false);
    const open = `${directory}/open`;
    Deno.mkdirSync(open);
    Deno.chmodSync(open, 0o777);
    for (const isOfService of [false, true]) {
      assert.throws(
        () => assertTrusted(open, isOfService),
        isError("untrusted", new RegExp(`everybody may write ${open}.*\\(here uid ${Deno.uid()}\\)`)),
      );
    }
  }));

Deno.test({
  name: `only who looks into the state of a service may find it another user's${LEFT_OUT}`,
  ignore: !isRoot,
  fn: () =>
    inTemporaryDirectory((directory) => {
      const service = `${directory}/service`;
      Deno.mkdirSync(service);
      Deno.chownSync(service, STRANGER, STRANGER);
      assert.throws(
        () => assertTrusted(service, false),
        isError("untrusted", /belongs to the user with uid 65532/),
      );
      assertTrusted(service, true);
      assert.throws(() => tryState(service, "one", []), isError("untrusted", /belongs to the user with uid/));
    }),
});

Deno.test("a state that may not be read says so before it is opened, unless this process has it open", () =>
  inTemporaryDirectory((directory) => {
    const path = `${directory}/state.sqlite`;
    const asked = withoutFiles(DENIED, () => {
      assert.throws(() => assertAllowed(path), isError("unwritable", /no permission to use the state in/));
    });
    assert.deepEqual(asked, [{ read: true }]);
    withoutFiles(new Error("other"), () => assertAllowed(path));
    assertAllowed(path);
    const database = openDatabase(path);
    assert.deepEqual(withoutFiles(DENIED, () => assertAllowed(path)), [], "its locks would be lost");
    database.close();
  }));

Deno.test("only a missing permission, or what the program is kept from, keeps it from a state", () => {
  assert.equal(obstruction("/s", new Error("other")), undefined);
  assert.ok(isError("unwritable", /^no permission to use the state in \/s:/)(obstruction("/s", DENIED)));
  inTemporaryDirectory((directory) => {
    const kept = new Deno.errors.NotCapable("kept");
    const told = (path: string) => obstruction(path, kept)!.message;
    assert.match(told(directory), /cannot be used: this program is kept from it\./);
    Deno.writeTextFileSync(`${directory}/file`, "");
    assert.match(told(`${directory}/file`), /cannot be used: .*\/file is no directory\./);
  });
});

Deno.test("where there is no state and none can be made, it is nobody's, and the directory above is named", () => {
  inTemporaryDirectory((directory) => {
    const { makeTempFileSync } = Deno;
    Deno.makeTempFileSync = () => {
      throw DENIED;
    };
    try {
      const { kind, message } = obstruction(`${directory}/no/state`, DENIED)!;
      assert.equal(kind, "unwritable");
      assert.ok(
        message.startsWith(
          `the state directory ${directory}/no/state cannot be used: nothing can be made in ${directory}: `,
        ),
        message,
      );
    } finally {
      Deno.makeTempFileSync = makeTempFileSync;
    }
  });
});

Deno.test("a file that is none is distrusted, other errors are themselves", () => {
  const other = new Error("other");
  assert.equal(toUntrusted(other, "/s"), other);
  const untrusted = toUntrusted(new UnfitFile("/s/lock", "a link"), "/s");
  assert.ok(isError("untrusted", /^the state directory \/s is not used: \/s\/lock is a link\./)(untrusted));
});

Deno.test("a user who may not use a state of their own is told to mend modes and owners", () =>
  inTemporaryDirectory((directory) => {
    const { kind, message } = obstruction(directory, DENIED)!;
    assert.equal(kind, "unwritable");
    assert.match(
      message,
      /although it is that of this user, .*: the mode or the owner .*chmod u\+rwX, chown/,
    );
    assert.doesNotMatch(message, /sudo/);
  }));

Deno.test("where nobody is known to own a state, sudo is what helps", () => {
  const { message, cause } = forbidden("/nonexistent", DENIED);
  assert.ok(
    message.includes(`it is the state of another user, and this is ${thisUserName()}. Run this with sudo.`),
    message,
  );
  assert.equal(cause, DENIED);
});

Deno.test({
  name: `the owner of a state is told by name, or by number${LEFT_OUT}`,
  ignore: !isRoot,
  fn: () =>
    inTemporaryDirectory((directory) => {
      const users = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
      const [name, , uid] = users.find((fields) => fields[2] !== undefined && fields[2] !== "0")!;
      const told = (owner: number) => {
        Deno.chownSync(directory, owner, null);
        return forbidden(directory, DENIED).message;
      };
      const { uid: thisUid } = Deno;
      Deno.uid = () => 65531;
      try {
        assert.match(told(0), /the state of another user.*Run this with sudo\./);
      } finally {
        Deno.uid = thisUid;
      }
      assert.ok(
        told(Number(uid)).includes(`the state of ${name}, and`) &&
          told(Number(uid)).includes(`Run this as ${name} (sudo -u ${name} …) or with sudo.`),
      );
      assert.match(told(STRANGER), /the state of the user with the number 65532,.*Run this with sudo\./);
      Deno.chownSync(directory, Deno.uid()!, null);
    }),
});

Deno.test("a trial refuses sinks for which aggregates would be stranded", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x"] });
    inside.take([{ name: "a", value: 1, timestamp: 1 }]);
    inside.save(true);
    inside.state.close();
    assert.throws(() => tryState(directory, "test", []), isError("foreign", /still wait for the sink "x"/));
    assert.equal(tryState(directory, "test", [{ id: "x", kind: "toy" }]), directory);
  }));

Deno.test("a trial says what a start would find", () =>
  inTemporaryDirectory((directory) => {
    const told = () => tryState(directory, "one", []);
    assert.equal(told(), `${directory}, there is none yet; one will be made`);
    Deno.writeTextFileSync(`${directory}/state.sqlite.restored`, "");
    assert.equal(told(), `${directory}, a restore was interrupted; the start finishes it`);
    Deno.removeSync(`${directory}/state.sqlite.restored`);
    assert.deepEqual([...Deno.readDirSync(directory)], [], "it has made nothing");
    Deno.writeTextFileSync(`${directory}/file`, "");
    assert.throws(() => tryState(`${directory}/file`, "one", []), isError("unwritable", /is no directory\./));
    const state = StateDatabase.open({ directory, instanceId: "one" });
    try {
      assert.match(told(), new RegExp(`^${directory}, held by process ${Deno.pid}: a second handler cannot`));
    } finally {
      state.close();
    }
    assert.equal(told(), directory);
    assert.throws(() => tryState(directory, "two", []), isError("foreign", /INSTANCE_ID "one"/));
    withoutFiles(DENIED, () => assert.throws(told, isError("unwritable", /no permission to use the state/)));
    assert.equal(StateLock.holder(directory), undefined);
  }));
