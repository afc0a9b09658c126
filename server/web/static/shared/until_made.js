// Asks for what a worker makes on demand, such as a heat map, until it is there. A worker that has yet to load its model needs half a
// minute on a slow machine; the service then says `not_made_yet`, and when to ask again.
const NOT_YET = ["not_made_yet", "timed_out", "too_many_requests"];
const TRIES = 12;
const PAUSE_S = 2; // where the service names no time
const MAX_PAUSE_S = 10;

/**
 * What `ask()` gives once it no longer throws a problem that passes. `waiting(problem)` is called before each pause; it stops the
 * asking by giving false. Throws the last problem.
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
