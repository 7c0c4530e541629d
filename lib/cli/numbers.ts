/** A count for a person: `1,234,567`. */
export function printCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** Time that is left: `0:07`, `12:40`, `3:05:00`. */
export function printDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Time that has passed: `0.34 s`, `12.3 s`, `4 min 10 s`. */
export function printSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
