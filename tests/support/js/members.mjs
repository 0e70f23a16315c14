// Prints what ringback.js exports and what ringback.d.ts declares: {"js": {name: [members]}, "types": …}.
// Interfaces and methods of EventTarget, which only the types have, are left out.
import { readFileSync } from "node:fs";
import ts from "typescript";
import * as module from "../../../app/web/static/ringback.js";

const INHERITED = ["addEventListener", "removeEventListener"];
const file = new URL("../../../app/web/static/ringback.d.ts", import.meta.url);
const membersOf = (value) =>
  Object.getOwnPropertyNames(value?.prototype ?? {}).filter((name) => name !== "constructor");

function declared() {
  const source = ts.createSourceFile("d.ts", readFileSync(file, "utf8"), ts.ScriptTarget.Latest);
  const found = {};
  for (const node of source.statements) {
    if (!ts.isClassDeclaration(node) && !ts.isFunctionDeclaration(node)) continue;
    const members = (node.members ?? []).filter((each) => !ts.isPropertyDeclaration(each));
    const names = members.map((each) => each.name?.getText(source)).filter(Boolean);
    found[node.name.text] = names.filter((name) => !INHERITED.includes(name)).sort();
  }
  return found;
}

const js = Object.fromEntries(
  Object.entries(module).map(([name, value]) => [name, membersOf(value).sort()]),
);
console.log(JSON.stringify({ js, types: declared() }));
