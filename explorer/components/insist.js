/** Do something again, ever later, until it is heard: Python may be slow, or be gone. */
export function insist(say, { first, most }) {
  let timer = 0;
  const later = (delay) => {
    timer = setTimeout(() => {
      later(Math.min(2 * delay, most));
      say();
    }, delay);
  };
  const heard = () => clearTimeout(timer);
  return {
    begin() {
      heard();
      later(first);
    },
    heard,
  };
}
