// A share of 1 as a whole percentage, halves rounded up; below 1 never rounded up to certainty. server/contract/percent.py is the same rule.
export const wholePercent = (share) => (share < 1 ? Math.min(99, Math.floor(share * 100 + 0.5)) : 100);
