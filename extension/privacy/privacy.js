// The privacy policy: fills in its texts.
import { fill } from "../core/words.js";

fill();
