"use strict";

/**
 * @typedef {Object} JobType
 * @property {string} name
 * @property {string} title
 * @property {Object} parameters JSON Schema of an object.
 * @property {Object} example
 */

/** The form that starts jobs of one type, made from the JSON Schema of its parameters. */
class JobForm {
  /** @type {Map<string, () => unknown>} parameter -> reads what was entered */
  #readers = new Map();

  /**
   * @param {JobType} type
   * @param {(params: Object) => Promise<void>} start
   */
  constructor(type, start) {
    this.type = type;
    this.start = start;
    const template = document.getElementById("job-type-template");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.jobType = type.name;
    role(this.element, "title").textContent = type.title;
    for (const [name, schema] of Object.entries(type.parameters.properties ?? {})) {
      this.#addField(name, JobForm.#plain(schema));
    }
    this.element.addEventListener("submit", (event) => this.#submit(event));
  }

  async #submit(event) {
    event.preventDefault();
    const button = role(this.element, "start");
    const error = role(this.element, "error");
    button.disabled = true;
    try {
      await this.start(this.#params());
      showText(error, "");
    } catch (problem) {
      showText(error, problem.describe?.() ?? problem.message);
    } finally {
      button.disabled = false;
    }
  }

  /** What was entered; a field left empty is left out, so that its default holds. */
  #params() {
    const params = {};
    for (const [name, read] of this.#readers) {
      const value = read();
      if (value !== undefined) params[name] = value;
    }
    return params;
  }

  /** An optional parameter is `anyOf: [its schema, null]`: its schema is what matters here. */
  static #plain(schema) {
    const real = schema.anyOf?.find((each) => each.type !== "null");
    return { ...schema, ...real };
  }

  #addField(name, schema) {
    const label = document.createElement("label");
    const text = document.createElement("span");
    text.textContent = schema.title ?? name;
    const [input, read] = this.#control(schema);
    input.dataset.field = name;
    if (schema.description) input.title = schema.description;
    JobForm.#prefill(input, this.type.example[name] ?? schema.default);
    this.#readers.set(name, () => read(input));
    label.append(...(input.type === "checkbox" ? [input, text] : [text, input]));
    role(this.element, "fields").append(label);
  }

  /** @returns {[HTMLElement, (input: HTMLElement) => unknown]} a control and how to read it. */
  #control(schema) {
    if (schema.enum) return [JobForm.#select(schema.enum), (input) => schema.enum[input.value]];
    if (schema.type === "boolean") return [JobForm.#input("checkbox"), (input) => input.checked];
    if (schema.type === "integer" || schema.type === "number") {
      return [JobForm.#number(schema), JobForm.#readNumber];
    }
    const read = schema.type === "string" ? (text) => text : JSON.parse;
    return [JobForm.#input("text"), (input) => (input.value ? read(input.value) : undefined)];
  }

  static #input(type) {
    const input = document.createElement("input");
    input.type = type;
    return input;
  }

  static #number(schema) {
    const input = JobForm.#input("number");
    input.step = schema.type === "integer" ? "1" : "any";
    if (schema.minimum !== undefined) input.min = schema.minimum;
    if (schema.maximum !== undefined) input.max = schema.maximum;
    return input;
  }

  static #readNumber(input) {
    return Number.isNaN(input.valueAsNumber) ? undefined : input.valueAsNumber;
  }

  static #select(values) {
    const select = document.createElement("select");
    values.forEach((value, index) => select.add(new Option(String(value), String(index))));
    return select;
  }

  static #prefill(input, value) {
    if (value === undefined || value === null) return;
    if (input.type === "checkbox") input.checked = value;
    else if (input instanceof HTMLSelectElement) {
      input.selectedIndex = [...input.options].findIndex(({ text }) => text === String(value));
    } else input.value = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}
