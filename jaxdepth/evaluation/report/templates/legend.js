// Numbers of the colour scales, at their places.
for (const tick of document.querySelectorAll(".legend-tick")) tick.style.left = tick.dataset.place + "%";
