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
  /** @type {Map<string, {control: HTMLElement, read: (control: HTMLElement) => unknown}>} */
  #fields = new Map();

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
    for (const [name, { control, read }] of this.#fields) {
      // What cannot be read looks empty to a script; to a person it does not.
      if (control.validity.badInput) throw new Error(`${control.dataset.label} is not complete.`);
      const value = read(control);
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
    const { control, read, write } = JobForm.#makeControl(schema);
    control.dataset.field = name;
    control.dataset.label = schema.title ?? name;
    if (schema.description) control.title = schema.description;
    const value = this.type.example[name] ?? schema.default;
    if (value !== undefined && value !== null) write(control, value);
    this.#fields.set(name, { control, read });
    role(this.element, "fields").append(JobForm.#labelled(control));
  }

  /** The control with its label around it; a group of controls is one itself, with a legend. */
  static #labelled(control) {
    const isGroup = control instanceof HTMLFieldSetElement;
    const text = document.createElement(isGroup ? "legend" : "span");
    text.textContent = control.dataset.label;
    if (isGroup) {
      control.prepend(text);
      return control;
    }
    const label = document.createElement("label");
    label.append(...(control.type === "checkbox" ? [control, text] : [text, control]));
    return label;
  }

  /**
   * @typedef {Object} Made a control, how to read it and how to fill it.
   * @property {HTMLElement} control
   * @property {(control: HTMLElement) => unknown} read `undefined` if it is empty.
   * @property {(control: HTMLElement, value: unknown) => void} write
   *
   * @returns {Made}
   */
  static #makeControl(schema) {
    if (schema.enum) return JobForm.#choice(schema.enum);
    if (schema.type === "boolean") return JobForm.#switch();
    if (schema.type === "integer" || schema.type === "number") return JobForm.#number(schema);
    if (schema.type === "string") return JobForm.#text(schema.format === "date" ? "date" : "text");
    if (schema.type === "array" && schema.items?.enum) return JobForm.#choices(schema.items.enum);
    if (schema.type === "array" && schema.items?.type === "string") return JobForm.#words();
    return JobForm.#json();
  }

  static #input(type) {
    const input = document.createElement("input");
    input.type = type;
    return input;
  }

  /** One of a few values. */
  static #choice(values) {
    const control = document.createElement("select");
    values.forEach((value, index) => control.add(new Option(String(value), String(index))));
    return {
      control,
      read: () => values[control.value],
      write: (_, value) => (control.selectedIndex = values.indexOf(value)),
    };
  }

  /** Any of a few values: a group of checkboxes. */
  static #choices(values) {
    const control = document.createElement("fieldset");
    const boxes = values.map((value) => {
      const box = JobForm.#input("checkbox");
      box.value = String(value);
      const label = document.createElement("label");
      label.append(box, String(value));
      control.append(label);
      return box;
    });
    return {
      control,
      read: () => values.filter((_, index) => boxes[index].checked),
      write: (_, chosen) => boxes.forEach((box, i) => (box.checked = chosen.includes(values[i]))),
    };
  }

  static #switch() {
    return {
      control: JobForm.#input("checkbox"),
      read: (input) => input.checked,
      write: (input, value) => (input.checked = value),
    };
  }

  static #number({ type, minimum, maximum }) {
    const control = JobForm.#input("number");
    control.step = type === "integer" ? "1" : "any";
    control.min = minimum ?? "";
    control.max = maximum ?? "";
    return {
      control,
      read: (input) => (Number.isNaN(input.valueAsNumber) ? undefined : input.valueAsNumber),
      write: (input, value) => (input.value = value),
    };
  }

  /** A line of text, or a day, which is text as well: `2026-11-21`. */
  static #text(type) {
    return {
      control: JobForm.#input(type),
      read: (input) => input.value || undefined,
      write: (input, value) => (input.value = value),
    };
  }

  /** Several words, with commas between them. */
  static #words() {
    const control = JobForm.#input("text");
    control.placeholder = "one, two, …";
    const split = ({ value }) => value.split(",").map((each) => each.trim()).filter(Boolean);
    return {
      control,
      read: (input) => (split(input).length ? split(input) : undefined),
      write: (input, words) => (input.value = words.join(", ")),
    };
  }

  /** Anything else is entered as JSON. */
  static #json() {
    return {
      control: JobForm.#input("text"),
      read: (input) => (input.value ? JSON.parse(input.value) : undefined),
      write: (input, value) => (input.value = JSON.stringify(value)),
    };
  }
}
