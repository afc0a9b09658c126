// Requests something that a worker computes on demand, such as a heat map, until it is ready. A worker that still has to load its model
// needs half a minute on a slow machine; until then the service answers `not_made_yet`, with the seconds after which to ask again.
const NOT_YET = ["not_made_yet", "timed_out", "too_many_requests"];
const TRIES = 12;
const PAUSE_S = 2; // if the service gives no time
const MAX_PAUSE_S = 10;

/**
 * Calls `ask()` until it succeeds, at most TRIES times, and returns its result. `waiting(problem)` is called before each pause, and stops
 * the attempts by returning false. Throws the last problem if it is not temporary or no attempt is left.
 */
export async function untilMade(ask, waiting = () => true) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (problem) {
      if (!NOT_YET.includes(problem.code) || tries === TRIES || waiting(problem) === false) throw problem;
      const seconds = Math.min(problem.retryAfter ?? PAUSE_S, MAX_PAUSE_S);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
}
