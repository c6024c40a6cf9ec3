// A page that was opened from a disk may not start a worker: there the search runs in a hidden frame.
// The name of this file's folder tells the plugin "offline" that iframe-worker from the web is not needed.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      // a frame holds up the page while it reads the index: not before somebody searches
      const wanted = new Promise(resolve => {
        document.querySelector("[data-md-component=search-query]")
          .addEventListener("focus", resolve, { once: true })
      })
      const ready = wanted.then(() => this.#start(url))
      this.postMessage = data => ready.then(
        inner => inner.dispatchEvent(new inner.MessageEvent("message", { data })))
    }
    #start(url) {
      return new Promise((resolve, reject) => {
        const frame = document.createElement("iframe")
        frame.hidden = true
        // Firefox replaces the document of a new frame until it says that it is loaded
        frame.addEventListener("load", () => {
          const inner = frame.contentWindow
          inner.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
          const script = inner.document.createElement("script")
          script.src = url
          script.addEventListener("load", () => resolve(inner))
          script.addEventListener("error", reject)
          inner.document.body.append(script)
        }, { once: true })
        document.body.append(frame)
      })
    }
    terminate() {}
  }
}
