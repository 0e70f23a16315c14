"use strict";

/** Texts that may be longer get a field of several lines. */
const LONG_TEXT = 200;

/**
 * @typedef {Object} Made a control, how to read it and how to fill it.
 * @property {HTMLElement} control
 * @property {() => unknown} read `undefined` if it is empty. Throws what is wrong with the entry.
 * @property {(value: unknown) => void} write `null` or `undefined` empties it.
 * @property {() => Promise<void>} [prepare] what has to be done before it can be read.
 * @property {() => void} [refused] the server did not take its value.
 */

/** What of a schema matters here: behind its references, and without the `null` of an optional one. */
function plainSchema(schema, definitions = {}) {
  if (schema.$ref) {
    const { $ref, ...more } = schema;
    return plainSchema({ ...definitions[$ref.split("/").at(-1)], ...more }, definitions);
  }
  if (schema.items) schema = { ...schema, items: plainSchema(schema.items, definitions) };
  if (!schema.anyOf) return schema;
  const { anyOf, ...more } = schema;
  const all = anyOf.map((each) => plainSchema(each, definitions));
  const real = all.filter(({ type }) => type !== "null");
  const optional = real.length < all.length;
  if (real.length === 1) return { ...real[0], ...more, optional };
  // One, or a list of such: a list of one means the same.
  const list = real.find(({ type }) => type === "array");
  const one = real.find(({ type }) => type === list?.items?.type);
  return real.length === 2 && list && one ? { ...list, ...more, optional } : { ...more, optional };
}

/** The control for values of a schema. @returns {Made} */
function makeControl(schema, upload) {
  const { type, items } = schema;
  if (schema["x-upload"]) return uploadControl(schema["x-upload"], upload);
  if (schema.enum) return choiceControl(schema);
  if (type === "boolean") return switchControl();
  if (type === "integer" || type === "number") return numberControl(schema);
  if (type === "string") return textControl(schema);
  if (type === "array" && items?.enum) return choicesControl(items.enum);
  if (type === "array" && ["integer", "number"].includes(items?.type)) return numbersControl();
  if (type === "array" && items?.type === "string") return wordsControl(items.format);
  return jsonControl();
}

function makeInput(type) {
  const input = document.createElement("input");
  input.type = type;
  return input;
}

function makeTextarea(rows) {
  const area = document.createElement("textarea");
  area.rows = rows;
  return area;
}

/** One of a few values, or none if that is permitted. */
function choiceControl({ enum: values, optional }) {
  const control = document.createElement("select");
  if (optional) control.add(new Option("(none)", ""));
  values.forEach((value, index) => control.add(new Option(String(value), String(index))));
  return {
    control,
    read: () => values[control.value],
    write: (value) => (control.selectedIndex = values.indexOf(value) + (optional ? 1 : 0)),
  };
}

/** Any of a few values: a group of checkboxes. */
function choicesControl(values) {
  const control = document.createElement("fieldset");
  const boxes = values.map((value) => {
    const box = makeInput("checkbox");
    box.value = String(value);
    const label = document.createElement("label");
    label.append(box, String(value));
    control.append(label);
    return box;
  });
  return {
    control,
    read: () => values.filter((_, index) => boxes[index].checked),
    write: (chosen) => boxes.forEach((box, i) => (box.checked = (chosen ?? []).includes(values[i]))),
  };
}

function switchControl() {
  const control = makeInput("checkbox");
  return { control, read: () => control.checked, write: (value) => (control.checked = Boolean(value)) };
}

function numberControl({ type, minimum, maximum }) {
  const control = makeInput("number");
  control.step = type === "integer" ? "1" : "any";
  control.min = numberText(minimum ?? "");
  control.max = numberText(maximum ?? "");
  return {
    control,
    read: () => (control.value ? exactNumber(control.value) : undefined),
    write: (value) => (control.value = numberText(value ?? "")),
  };
}

/** Text of one line or several, an address, or a day, which is text as well: `2026-11-21`. */
function textControl({ format, maxLength }) {
  const isLong = maxLength > LONG_TEXT && format !== "email";
  const kind = ["date", "email"].includes(format) ? format : "text";
  const control = isLong ? makeTextarea(2) : makeInput(kind);
  return { control, read: () => control.value || undefined, write: (value) => (control.value = value ?? "") };
}

/** Several words, with commas between them. */
function wordsControl(format) {
  const control = makeInput(format === "email" ? "email" : "text");
  control.multiple = format === "email";
  control.placeholder = "one, two, …";
  const split = () => control.value.split(",").map((each) => each.trim()).filter(Boolean);
  return {
    control,
    read: () => (split().length ? split() : undefined),
    write: (words) => (control.value = [words ?? []].flat().join(", ")),
  };
}

/** Several numbers, with commas, semicolons, spaces or ends of lines between them. */
function numbersControl() {
  const control = makeTextarea(2);
  control.placeholder = "1, 2.5, …";
  const split = () => control.value.split(/[\s,;]+/).filter(Boolean);
  return {
    control,
    read: () => (split().length ? split().map(exactNumber) : undefined),
    write: (numbers) => (control.value = (numbers ?? []).map(numberText).join(", ")),
  };
}

/** Anything else is entered as JSON. */
function jsonControl() {
  const control = makeTextarea(5);
  control.spellcheck = false;
  control.dataset.hint = "JSON";
  const parse = () => {
    try {
      return exactJson(control.value);
    } catch (error) {
      throw new Error(`no valid JSON: ${error.message}`);
    }
  };
  return {
    control,
    read: () => (control.value.trim() ? parse() : undefined),
    write: (value) => (control.value = (value ?? null) === null ? "" : JSON.stringify(value, null, 1)),
  };
}

/**
 * A file, which is sent before the job is started: its id is the parameter.
 *
 * @param {string[]} accepts endings of names to offer; the server looks at the content.
 * @param {(file: File) => Promise<{id: string}>} upload
 * @returns {Made}
 */
function uploadControl(accepts, upload) {
  const control = document.createElement("div");
  const input = makeInput("file");
  const note = document.createElement("span");
  note.className = "note";
  note.setAttribute("role", "status");
  input.accept = accepts.join(",");
  control.append(input, note);
  let sent = null; // the id of the file that was chosen last, once the server has it
  input.addEventListener("change", () => {
    sent = null;
    const [file] = input.files;
    note.textContent = file ? `${file.name}, ${formatSize(file.size)}` : "";
  });
  const prepare = async () => {
    const [file] = input.files;
    if (!file || sent) return;
    note.textContent = `Sending ${file.name}, ${formatSize(file.size)} …`;
    try {
      const { id } = await upload(file);
      if (file !== input.files[0]) throw new Error("Another file was chosen meanwhile: start again.");
      sent = id;
      note.textContent = `${file.name}, ${formatSize(file.size)}: sent`;
    } catch (error) {
      if (file === input.files[0]) note.textContent = `${file.name}, ${formatSize(file.size)}: not taken`;
      throw error;
    }
  };
  const write = (id) => {
    input.value = "";
    sent = id ?? null;
    note.textContent = id ? "The file that was sent before" : "";
  };
  // It may have been deleted since: then it is sent once more.
  const refused = () => input.files.length && (sent = null);
  return { control, prepare, read: () => sent ?? undefined, write, refused };
}
