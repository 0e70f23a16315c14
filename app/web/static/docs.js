"use strict";

/**
 * Starts Swagger UI on `/docs`. It is a file because the page permits no inline script.
 */
if (globalThis.SwaggerUIBundle) {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null, // nothing is sent to others
    presets: [SwaggerUIBundle.presets.apis],
  });
} else {
  document.getElementById("missing").hidden = false;
}
