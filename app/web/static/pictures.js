"use strict";

const PICTURES = ["image/png", "image/svg+xml"];
const MOST_PICTURE_BYTES = 8_000_000;

/** Whether the file of a notification is a picture to be shown. @param {Message} message */
function hasPicture(message) {
  const { media_type: type, size } = message.data?.artifact ?? {};
  return hasFile(message) && PICTURES.includes(type) && size <= MOST_PICTURE_BYTES;
}

/**
 * Pictures that jobs left, once they are looked at.
 *
 * An address cannot carry the token, so they are fetched; as an `<img>` also an SVG of a stranger runs
 * no script and loads nothing.
 */
class Pictures {
  /** @type {Map<string, Promise<Blob>>} what is on its way, for a row and a ring that want the same. */
  #reading = new Map();
  /** @type {WeakMap<HTMLElement, Message>} */
  #wanted = new WeakMap();
  #observer = new IntersectionObserver((entries) =>
    entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => this.#show(target)),
  );

  /** @param {(jobId: string) => Promise<Response>} read gives the file. */
  constructor(read) {
    this.read = read;
  }

  /** Show the picture of a notification there, when that place is seen. */
  offer(place, message) {
    place.hidden = !hasPicture(message);
    if (place.hidden) return;
    this.#wanted.set(place, message);
    this.#observer.observe(place);
  }

  async #show(place) {
    this.#observer.unobserve(place);
    const { job_id: jobId, data } = this.#wanted.get(place);
    try {
      const blob = await this.#blob(jobId, data.artifact.media_type);
      place.replaceChildren(Pictures.#image(blob, data));
    } catch (error) {
      place.textContent = `The picture cannot be shown. ${error.message} `;
      if (!error.isRefusal) place.append(this.#againButton(place));
    }
  }

  #againButton(place) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Try again";
    button.addEventListener("click", () => {
      button.disabled = true;
      this.#show(place);
    });
    return button;
  }

  #blob(jobId, type) {
    const load = async () => new Blob([await (await this.read(jobId)).blob()], { type });
    if (!this.#reading.has(jobId)) {
      const reading = load().finally(() => this.#reading.delete(jobId));
      this.#reading.set(jobId, reading);
    }
    return this.#reading.get(jobId);
  }

  /** What is shown needs its address no more, so nothing is left of it when it is removed. */
  static #image(blob, { artifact, result }) {
    const image = new Image();
    const address = URL.createObjectURL(blob);
    const release = () => URL.revokeObjectURL(address);
    image.alt = result?.description ?? `Picture ${artifact.name}`;
    image.addEventListener("load", release);
    image.addEventListener("error", () => {
      release();
      image.replaceWith("The picture cannot be shown: the file is damaged.");
    });
    image.src = address;
    return image;
  }
}
