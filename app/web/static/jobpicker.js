"use strict";

const TYPE_KEY = "ringback.type";

/** The types of jobs to choose from, and the form of the one that is chosen; it is remembered. */
class JobPicker {
  /** @type {Map<string, JobForm>} */
  #forms = new Map();

  /**
   * @param {HTMLFieldSetElement} choices
   * @param {HTMLElement} place where the forms are.
   */
  constructor(choices, place) {
    this.choices = choices;
    this.place = place;
    choices.addEventListener("change", ({ target }) => this.choose(target.value));
  }

  /** Whether there is something to choose from. */
  get isEmpty() {
    return !this.#forms.size;
  }

  /** The form that is shown. @returns {?JobForm} */
  get current() {
    return [...this.#forms.values()].find(({ element }) => !element.hidden) ?? null;
  }

  /** The form of a type, if there is one. @param {string} type @returns {JobForm|undefined} */
  form(type) {
    return this.#forms.get(type);
  }

  /** @param {JobForm[]} forms */
  show(forms) {
    const chosen = localStorage.getItem(TYPE_KEY);
    this.#forms = new Map(forms.map((form) => [form.type.name, form]));
    this.place.replaceChildren(...forms.map(({ element }) => element));
    this.#labels.forEach((label) => label.remove());
    this.choices.append(...forms.map(({ type }) => JobPicker.#choice(type)));
    if (forms.length) this.choose(this.#forms.has(chosen) ? chosen : forms[0].type.name);
  }

  /** Show the form of a type. @param {string} name */
  choose(name) {
    for (const [each, { element }] of this.#forms) element.hidden = each !== name;
    this.choices.querySelector(`input[value="${name}"]`).checked = true;
    localStorage.setItem(TYPE_KEY, name);
  }

  get #labels() {
    return this.choices.querySelectorAll("label");
  }

  static #choice({ name, title }) {
    const label = document.createElement("label");
    const radio = makeInput("radio");
    radio.name = "job-type";
    radio.value = name;
    label.append(radio, title);
    return label;
  }
}
