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
  /** @type {Map<string, Made>} */
  #fields = new Map();
  #follows = null;

  /**
   * @param {JobType} type
   * @param {(params: Object, follows: ?string) => Promise<void>} start with the id of the job that
   *   is run again, if one is.
   * @param {(file: File) => Promise<{id: string}>} [upload]
   */
  constructor(type, start, upload) {
    this.type = type;
    this.start = start;
    const template = document.getElementById("job-type-template");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.jobType = type.name;
    role(this.element, "title").textContent = type.title;
    const { properties = {}, $defs } = type.parameters;
    for (const [name, schema] of Object.entries(properties)) {
      this.#addField(name, plainSchema(schema, $defs), upload);
    }
    this.element.addEventListener("submit", (event) => this.#submit(event));
    role(this.element, "afresh").addEventListener("click", () => this.#setFollows(null, ""));
  }

  /**
   * What was entered; a field left empty is left out, so that its default holds. Files are sent.
   *
   * @returns {Promise<Object>}
   * @throws {Error} what cannot be read, or a file that the server does not take.
   */
  async params() {
    for (const { prepare } of this.#fields.values()) await prepare?.();
    return this.#read();
  }

  /** Fill it with the parameters of a job, and run that again. @param {Job} job */
  change(job, described) {
    for (const [name, { write }] of this.#fields) write(job.params[name]);
    this.#setFollows(job.id, described);
  }

  /** Do something with the form's parameters, and show beside the button what is wrong. */
  async attempt(button, act) {
    const error = role(this.element, "error");
    button.disabled = true;
    try {
      const needsFile = [...this.#fields.values()].some(({ prepare }) => prepare);
      // Without a wait if there is nothing to wait for.
      await act(needsFile ? await this.params() : this.#read());
      showText(error, "");
    } catch (problem) {
      showText(error, problem.describe?.() ?? problem.message);
      for (const [name, made] of this.#fields) if (problem.fields?.[`params.${name}`]) made.refused?.();
    } finally {
      button.disabled = false;
    }
  }

  #submit(event) {
    event.preventDefault();
    return this.attempt(role(this.element, "start"), async (params) => {
      await this.start(params, this.#follows);
      this.#setFollows(null, "");
    });
  }

  #setFollows(id, described) {
    this.#follows = id;
    const line = role(this.element, "again");
    line.hidden = !id;
    role(line, "what").textContent = described;
    role(this.element, "start").textContent = id ? "Run again" : "Start";
  }

  #read() {
    const params = {};
    for (const [name, { control, read }] of this.#fields) {
      // What cannot be read looks empty to a script; to a person it does not.
      if (control.validity?.badInput) throw new Error(`${control.dataset.label} is not complete.`);
      const value = this.#readOne(control, read);
      if (value !== undefined) params[name] = value;
    }
    return params;
  }

  #readOne(control, read) {
    try {
      return read();
    } catch (error) {
      throw new Error(`${control.dataset.label}: ${error.message}.`);
    }
  }

  #addField(name, schema, upload) {
    const made = makeControl(schema, upload);
    const { control, write } = made;
    control.dataset.field = name;
    control.dataset.label = schema.title ?? name;
    if (schema.description) control.title = schema.description;
    const value = this.type.example[name] ?? schema.default;
    if (value !== undefined && value !== null) write(value);
    this.#fields.set(name, made);
    role(this.element, "fields").append(JobForm.#labelled(control));
  }

  /** The control with its label around it; a group of controls is one itself, with a legend. */
  static #labelled(control) {
    const isGroup = control instanceof HTMLFieldSetElement;
    const text = document.createElement(isGroup ? "legend" : "span");
    const { label: name, hint } = control.dataset;
    text.textContent = hint ? `${name} (${hint})` : name;
    if (isGroup) {
      control.prepend(text);
      return control;
    }
    const label = document.createElement("label");
    label.append(...(control.type === "checkbox" ? [control, text] : [text, control]));
    return label;
  }
}
