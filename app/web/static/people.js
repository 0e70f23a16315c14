"use strict";

const MOST_PEOPLE = 200;

/** The users, for those who may see them. */
class People {
  /** @type {Map<string, string>} */
  #emails = new Map();

  /**
   * @param {HTMLDetailsElement} element read when it is opened.
   * @param {() => Promise<{items: Object[], next: ?string}>} read
   */
  constructor(element, read) {
    this.element = element;
    this.read = read;
  }

  /** Whose id it is: the address, or, if it is not known, the id. @param {string} id */
  nameOf(id) {
    return this.#emails.get(id) ?? id;
  }

  /** Read them, and show them. */
  async load() {
    const { items, next } = await this.read();
    this.#emails = new Map(items.map(({ id, email }) => [id, email]));
    role(this.element, "users").replaceChildren(...items.map(People.#row));
    showText(role(this.element, "more"), next ? `The first ${items.length}; there are more.` : "");
  }

  /** Forget all. */
  clear() {
    this.#emails.clear();
    this.element.open = false;
    role(this.element, "users").replaceChildren();
  }

  static #row({ id, email, role: part, active }) {
    const row = document.createElement("li");
    row.dataset.userId = id;
    row.textContent = [email, part, active ? "" : "disabled"].filter(Boolean).join(" · ");
    return row;
  }
}
