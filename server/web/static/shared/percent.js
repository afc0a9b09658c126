// A share from 0 to 1 as a whole percentage, halves rounded up; a share below 1 never becomes 100. server/contract/percent.py has the same rule.
export const wholePercent = (share) => (share < 1 ? Math.min(99, Math.floor(share * 100 + 0.5)) : 100);
