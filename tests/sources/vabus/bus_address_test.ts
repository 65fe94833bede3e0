import assert from "node:assert/strict";
import { type BusAddress, headersFor } from "../../../src/sources/vabus/bus_address.ts";

const ADDRESS: BusAddress = { url: "http://bus:8080", proxy: undefined, token: undefined, tls: undefined };

Deno.test("a bus gets the token, else user and password of its URL, else none", () => {
  const withUser = { ...ADDRESS, url: "http://reader:p%40ss@bus:8080" };
  const authorizationOf = (address: BusAddress) => headersFor(address)["authorization"];
  assert.equal(authorizationOf(ADDRESS), undefined);
  assert.equal(authorizationOf({ ...ADDRESS, token: "t" }), "Bearer t");
  assert.equal(authorizationOf(withUser), `Basic ${btoa("reader:p@ss")}`);
  assert.equal(authorizationOf({ ...withUser, token: "t" }), "Bearer t");
});

Deno.test("replies are compressed unless the bus is on this host", () => {
  const encodings = ["http://bus", "http://127.0.0.1", "http://[::1]"].map((url) =>
    headersFor({ ...ADDRESS, url })["accept-encoding"]
  );
  assert.deepEqual(encodings, ["gzip", "identity", "identity"]);
});
