// Made from server/contract/modalities.json by `make generate`.
export const MODALITIES = ["xray", "ct", "mri", "ultrasound", "other_medical", "non_medical"];
/** The key that labels an image as each of them. */
export const KEYS = {"xray": "1", "ct": "2", "mri": "3", "ultrasound": "4", "other_medical": "5", "non_medical": "6"};
