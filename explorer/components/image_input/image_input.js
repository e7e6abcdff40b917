// One picture: dropped, pasted or chosen. It stays in the session's memory on the server.

import { component } from "../component.js";
import { element } from "../element.js";
import { upload } from "../live.js";

let taken = 0; // pictures on this page; pasted ones all have the same name

export default component("image-input", (root, listen, ended) => {
  const input = element("input", { type: "file", accept: "image/*" });
  const title = element("strong", {}, "Drop a picture here, paste one, or choose a file");
  const detail = element("span");
  const zone = element("label", { class: "zone" }, title, detail, input);
  root.append(zone);

  let data = null;
  let setTriggerValue;

  const take = (file) => {
    if (!file) return;
    const name = file.name || "pasted picture";
    const id = `${performance.timeOrigin} ${++taken}`;
    const refuse = (error) => {
      upload.last = null;
      setTriggerValue("file", { name, id, error });
    };
    if (file.size > data.max_bytes) {
      const size = (file.size / 2 ** 20).toFixed(1);
      refuse(`The file has ${size} MB; the limit is ${data.max_bytes / 2 ** 20} MB. ` +
        "Make the picture smaller and try again.");
      return;
    }
    detail.textContent = `Reading ${name} …`;
    const reader = new FileReader();
    reader.onload = () => {
      upload.last = { name, id, content: reader.result.split(",")[1] ?? "" };
      setTriggerValue("file", upload.last);
    };
    reader.onerror = () => refuse("The browser could not read it. Choose the file again.");
    reader.readAsDataURL(file);
  };

  input.onchange = () => {
    take(input.files[0]);
    input.value = ""; // choosing the same file again is a change again
  };
  zone.ondragover = (event) => {
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files[0]);
  };
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (file) take(file);
  }, { signal: ended });

  listen("heard", () => {
    const { last } = upload;
    if (last && data.id !== last.id) setTriggerValue("file", last); // it was lost on its way
  });

  return (args) => {
    ({ data, setTriggerValue } = args);
    zone.dataset.testid = data.testid;
    detail.textContent = data.name
      ? `Now: ${data.name}`
      : `PNG, JPEG, WebP, BMP or GIF, at most ${data.max_bytes / 2 ** 20} MB`;
  };
});
