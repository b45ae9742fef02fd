/** An e-mail as it is stored and compared: trimmed, composed, lower-case. Done once, where it enters. */
export const normaliseEmail = (email: string): string => email.trim().normalize("NFC").toLowerCase();
