import assert from "node:assert/strict";
import { distrustOfFile, distrustOfWay } from "../../../src/platform/file/trust.ts";
import { thisUser, type User } from "../../../src/platform/file/user.ts";

const isRoot = Deno.uid() === 0;
const STRANGER = 65532;
const ME = thisUser()!;
const OTHER_GROUP: User = { uid: ME.uid, gid: ME.gid + 1, groups: [ME.gid + 1] };

function makeDirectory() {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "vabus-trust-test-" }));
  return {
    path,
    directory(name: string, mode: number, uid?: number): string {
      const made = `${path}/${name}`;
      Deno.mkdirSync(made, { recursive: true });
      Deno.chmodSync(made, mode);
      if (uid !== undefined) Deno.chownSync(made, uid, null);
      return made;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

Deno.test("a directory of this user passes, also where it is not made yet, below one that all may write, and for its group", () => {
  using at = makeDirectory();
  for (const [name, mode] of [["sticky", 0o1777], ["volume", 0o777]] as const) {
    const shared = at.directory(name, mode);
    at.directory(`${name}/mine`, 0o770);
    for (const path of [at.path, `${at.path}/not/yet`, `${shared}/mine`, `${shared}/not-yet`]) {
      assert.equal(distrustOfWay(path), undefined, path);
    }
  }
});

Deno.test("a directory that everybody may write does not, sticky or not", () => {
  using at = makeDirectory();
  const open = at.directory("open", 0o777);
  const sticky = at.directory("sticky", 0o1777);
  assert.match(distrustOfWay(open)!, /everybody may write .*\/open$/);
  assert.match(distrustOfWay(sticky)!, /everybody may write .*\/sticky$/);
});

Deno.test("a link passes where its target does; one that leads to itself ends", () => {
  using at = makeDirectory();
  at.directory("private/state", 0o700);
  Deno.symlinkSync("private/state", `${at.path}/link`);
  assert.equal(distrustOfWay(`${at.path}/link`), undefined);
  const open = at.directory("open", 0o777);
  Deno.symlinkSync(open, `${at.path}/to-open`);
  assert.match(distrustOfWay(`${at.path}/to-open`)!, /everybody may write/);
  Deno.symlinkSync("self", `${at.path}/self`);
  assert.equal(distrustOfWay(`${at.path}/self`), undefined);
});

Deno.test({
  name: `what a stranger has, or has on the way, is not trusted${isRoot ? "" : " (left out: needs root)"}`,
  ignore: !isRoot,
  fn: () => {
    using at = makeDirectory();
    const theirs = at.directory("theirs", 0o755, STRANGER);
    at.directory("theirs/mine", 0o700, ME.uid);
    assert.match(distrustOfWay(theirs)!, /theirs belongs to the user with uid 65532/);
    assert.match(distrustOfWay(`${theirs}/mine`)!, /theirs belongs to the user/);
    assert.match(distrustOfWay(`${theirs}/not-yet`)!, /theirs belongs to the user/);
    at.directory("mine", 0o700);
    const { success } = new Deno.Command("sh", {
      args: ["-c", `ln -s mine link && chown -h ${STRANGER} link`],
      cwd: at.path,
    }).outputSync();
    assert.ok(success);
    assert.match(distrustOfWay(`${at.path}/link`)!, /link belongs to the user/);
    // For its owner root's part of the way is as good as its own.
    assert.equal(distrustOfWay(theirs, { uid: STRANGER, gid: STRANGER, groups: [] }), undefined);
  },
});

Deno.test("a directory that a group may write passes where the group is one of this user's own", () => {
  using at = makeDirectory();
  const path = at.directory("shared", 0o770);
  const group = Deno.statSync(path).gid!;
  const user = (groups: number[] | undefined): User => ({ ...ME, uid: ME.uid, groups });
  // What root's group may write, root may.
  const isRoots = group === 0;
  assert.equal(distrustOfWay(path, user([group + 1, group])), undefined);
  assert.equal(distrustOfWay(path, user(undefined)), undefined, "of another user nobody knows");
  if (!isRoots) assert.match(distrustOfWay(path, user([group + 1]))!, /the group \d+.* may write .*shared$/);
  if (!isRoot) return;
  Deno.chownSync(path, null, STRANGER);
  assert.match(distrustOfWay(path)!, /the group 65532, which is not this user's, may write .*shared$/);
  assert.equal(distrustOfWay(`${path}/below`), undefined, "on the way it is as /tmp is");
});

Deno.test("a file that nobody has named is read where only this user may write it and its directory", () => {
  using at = makeDirectory();
  const read = (mode: number, directoryMode: number, user = ME) => {
    const directory = at.directory("work", directoryMode);
    Deno.writeTextFileSync(`${directory}/.env`, "");
    Deno.chmodSync(`${directory}/.env`, mode);
    return distrustOfFile(`${directory}/.env`, user);
  };
  for (const [mode, directoryMode] of [[0o644, 0o755], [0o600, 0o700], [0o660, 0o770]] as const) {
    assert.equal(read(mode, directoryMode), undefined);
  }
  assert.match(read(0o646, 0o755)!, /everybody may write .*\.env/);
  assert.match(read(0o644, 0o1777)!, /everybody may write .*work$/);
  if (ME.gid === 0) {
    const strangers = (path: string) => Deno.chownSync(path, null, STRANGER);
    read(0o664, 0o755);
    strangers(`${at.path}/work/.env`);
    assert.match(
      distrustOfFile(`${at.path}/work/.env`)!,
      /the group 65532, which is not this user's, may write .*\.env/,
    );
    Deno.removeSync(`${at.path}/work/.env`);
    strangers(at.path + "/work");
    assert.match(read(0o644, 0o775, OTHER_GROUP)!, /the group 65532.* may write .*work$/);
  }
  assert.equal(distrustOfFile(`${at.path}/nothing`), undefined);
});

Deno.test("the place that a link leads to is judged as well", () => {
  using at = makeDirectory();
  const open = at.directory("open", 0o777);
  Deno.writeTextFileSync(`${open}/settings`, "");
  const work = at.directory("work", 0o700);
  Deno.symlinkSync("../open/settings", `${work}/.env`);
  assert.match(distrustOfFile(`${work}/.env`)!, /everybody may write .*open/);
});
