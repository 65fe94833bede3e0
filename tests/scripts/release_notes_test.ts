import assert from "node:assert/strict";
import { notesOf } from "../../scripts/release_notes.ts";

const CHANGELOG = `# Changelog

## Unreleased

## 0.2.0 - 2026-03-01

### Added

- A thing.

## [0.1.0] - 2026-02-01

- The first.
`;

Deno.test("the notes of a release are what the changelog has under its version", () => {
  assert.equal(notesOf("0.2.0", CHANGELOG), "### Added\n\n- A thing.");
  assert.equal(notesOf("0.1.0", CHANGELOG), "- The first.");
});

Deno.test("a version that the changelog does not have, or has nothing under, has no notes", () => {
  assert.equal(notesOf("0.1", CHANGELOG), undefined);
  assert.equal(notesOf("Unreleased", CHANGELOG), undefined);
});
