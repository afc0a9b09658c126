// The privacy policy: texts only.
import { fill } from "../core/words.js";

fill();
