"use strict";

const STATE_TEXTS = {
  "signed-out": "signed out",
  connecting: "connecting …",
  "catching-up": "catching up …",
  live: "live",
  offline: "offline",
};

/** Says how the connection is doing and, when there is none, when the next try is. */
class StateLine {
  #countdown = 0;

  /** @param {HTMLElement} element holds #connection-text, #retry-in and #retry. */
  constructor(element) {
    this.element = element;
  }

  /** @param {{name: string, reason?: string, retryAt?: number}} state */
  show({ name, reason, retryAt }) {
    clearInterval(this.#countdown);
    const find = (id) => this.element.querySelector(id);
    this.element.dataset.state = name;
    find("#connection-text").textContent = [STATE_TEXTS[name], reason].filter(Boolean).join(": ");
    find("#retry").hidden = find("#retry-in").hidden = !retryAt;
    if (!retryAt) return;
    const count = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
      find("#retry-in").textContent = `Next try in ${seconds} s`;
    };
    count();
    this.#countdown = setInterval(count, 1000);
  }
}
