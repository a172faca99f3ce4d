// The points of a depth map, drawn one by one into the canvas with a depth buffer.
{
  const canvas = document.getElementById("cloud");
  const context = canvas.getContext("2d");
  const select = document.getElementById("cloud-image");
  const radios = [...document.querySelectorAll("input[name=cloud-map]")];
  const data = JSON.parse(document.getElementById("cloud-data").textContent);
  const ids = [...select.options].map((option) => option.value);
  const START = { yaw: 0.45, pitch: 0.22, distance: 1.3 };

  let view = { ...START };
  let cloud = null;
  let waiting = false;

  function bytes(text) {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  }

  // Metres, x right, y down, z forward; millimetres of 0 are no point.
  function unproject(image, map) {
    const { width, height, intrinsics: [fx, fy, cx, cy] } = image;
    const depth = new DataView(bytes(image[map]).buffer);
    const colors = bytes(image.color);
    const points = [];
    const rgb = [];
    for (let i = 0; i < width * height; i++) {
      const z = depth.getUint16(2 * i, true) / 1000;
      if (z === 0) continue;
      points.push(((i % width) - cx) / fx * z, (Math.floor(i / width) - cy) / fy * z, z);
      rgb.push(colors[3 * i], colors[3 * i + 1], colors[3 * i + 2]);
    }
    const depths = points.filter((_, i) => i % 3 === 2).sort((a, b) => a - b);
    const middle = depths[Math.floor(depths.length / 2)] || 1;
    return { points, rgb, middle, pitch: 1 / fx, fx: fx / width, fy: fy / height };
  }

  function load() {
    const map = radios.find((radio) => radio.checked).value;
    cloud = unproject(data[ids.indexOf(select.value)], map);
    redraw();
  }

  function draw() {
    waiting = false;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const picture = context.createImageData(width, height);
    const pixels = new Uint32Array(picture.data.buffer);
    const nearest = new Float32Array(width * height).fill(Infinity);
    const { points, rgb, middle } = cloud;
    const focal = Math.min(cloud.fx * width, cloud.fy * height); // the whole image, as the camera saw it
    const [cosY, sinY, cosP, sinP] = [
      Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch),
    ];
    const away = middle * view.distance;
    for (let i = 0; i < points.length; i += 3) {
      // Turned about the point straight ahead in the middle of the scene.
      const z0 = points[i + 2] - middle;
      const x = cosY * points[i] + sinY * z0;
      const z1 = cosY * z0 - sinY * points[i];
      const y = cosP * points[i + 1] - sinP * z1;
      const z = cosP * z1 + sinP * points[i + 1] + away;
      if (z < 0.05) continue;
      const size = Math.min(12, Math.max(1, Math.ceil(1.3 * focal * points[i + 2] * cloud.pitch / z)));
      const left = Math.round(width / 2 + focal * x / z - size / 2);
      const top = Math.round(height / 2 + focal * y / z - size / 2);
      const color = (255 << 24) | (rgb[i + 2] << 16) | (rgb[i + 1] << 8) | rgb[i];
      for (let v = Math.max(0, top); v < Math.min(height, top + size); v++) {
        for (let u = Math.max(0, left); u < Math.min(width, left + size); u++) {
          const at = v * width + u;
          if (z < nearest[at]) {
            nearest[at] = z;
            pixels[at] = color;
          }
        }
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function redraw() {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  }

  function turn(yaw, pitch) {
    view.yaw += yaw;
    view.pitch = Math.max(-1.5, Math.min(1.5, view.pitch + pitch));
    redraw();
  }

  function zoom(factor) {
    view.distance = Math.max(0.15, Math.min(4, view.distance * factor));
    redraw();
  }

  const pointers = new Map();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const before = pointers.size === 2 && spread();
    pointers.set(event.pointerId, event);
    if (pointers.size === 1) turn((last.clientX - event.clientX) / 200, (event.clientY - last.clientY) / 200);
    else if (before) zoom(before / Math.max(1, spread()));
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(event.deltaY / 600));
  }, { passive: false });

  const KEYS = {
    ArrowLeft: () => turn(0.1, 0),
    ArrowRight: () => turn(-0.1, 0),
    ArrowUp: () => turn(0, -0.1),
    ArrowDown: () => turn(0, 0.1),
    "+": () => zoom(0.9),
    "=": () => zoom(0.9),
    "-": () => zoom(1.1),
    0: () => {
      view = { yaw: 0, pitch: 0, distance: 1 };
      redraw();
    },
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  select.addEventListener("change", load);
  for (const radio of radios) radio.addEventListener("change", load);
  for (const button of document.querySelectorAll(".show-points")) {
    button.addEventListener("click", () => {
      select.value = button.dataset.image;
      view = { ...START };
      load();
      document.getElementById("points").scrollIntoView();
      canvas.focus({ preventScroll: true });
    });
  }
  new ResizeObserver(() => cloud && redraw()).observe(canvas);
  load();
}
