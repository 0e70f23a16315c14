"use strict";

const TOAST_MS = 7000;
const MOST_TOASTS = 3;

/** The ring: a toast, the count in the tab's title and, if wanted, a sound. */
class Ring {
  #title = document.title;
  #audio = null;

  /** @param {HTMLElement} list where toasts appear; announced by screen readers. */
  constructor(list) {
    this.list = list;
  }

  /**
   * @param {{title: string, body?: string, seq?: number}} news
   * @param {(button: HTMLButtonElement) => void} [download] offers a file.
   * @param {(place: HTMLElement) => void} [picture] shows one there.
   */
  show({ title, body, seq = 0 }, download, picture) {
    const template = document.getElementById("ring-template");
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.dataset.seq = seq;
    role(toast, "title").textContent = title;
    showText(role(toast, "body"), body);
    role(toast, "close").addEventListener("click", () => toast.remove());
    const button = role(toast, "download");
    button.hidden = !download;
    if (download) button.addEventListener("click", () => download(button));
    picture?.(role(toast, "picture"));
    this.list.append(toast);
    if (this.list.children.length > MOST_TOASTS) this.list.firstElementChild.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
    this.#chime();
  }

  /** Show in the tab's title how many are unread. */
  count(unread) {
    document.title = unread ? `(${unread}) ${this.#title}` : this.#title;
  }

  /** Take all toasts away. */
  clear() {
    this.list.replaceChildren();
    this.count(0);
  }

  /** Switch the sound. Call it from a click: browsers permit sound only after one. */
  setSound(isOn) {
    this.#audio?.close();
    this.#audio = isOn ? new AudioContext() : null;
    this.#chime();
  }

  /** Two short bell tones. */
  #chime() {
    if (!this.#audio) return;
    [880, 1318.5].forEach((frequency, index) => {
      const start = this.#audio.currentTime + index * 0.18;
      const gain = new GainNode(this.#audio, { gain: 0 });
      gain.gain.setValueAtTime(0.2, start);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.6);
      const tone = new OscillatorNode(this.#audio, { frequency });
      tone.connect(gain).connect(this.#audio.destination);
      tone.start(start);
      tone.stop(start + 0.6);
    });
  }
}
