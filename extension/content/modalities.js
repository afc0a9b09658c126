// Made from server/contract/modalities.json by `make generate`.
medlens.define("modalities", () => ({
  ids: ["xray", "ct", "mri", "ultrasound", "other_medical", "non_medical"],
  css: ".xray { --hue: #6f9cf5; } .ct { --hue: #3fbfc3; } .mri { --hue: #ab86f0; } .ultrasound { --hue: #e79a4e; } .other_medical { --hue: #e8749f; } .non_medical { --hue: #7a8890; }",
}));
