import { BlockList, isIP } from "node:net";

/** Networks that a webhook may not reach unless the setting allows them, by what they are. */
const refused: Readonly<Record<string, readonly string[]>> = {
  "a loopback address": ["127.0.0.0/8", "::1/128"],
  "a private address": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"],
  "a link-local address, where clouds keep their metadata": ["169.254.0.0/16", "fe80::/10"],
  "a carrier's shared address": ["100.64.0.0/10"],
  "a multicast address": ["224.0.0.0/4", "ff00::/8"],
  "the cloud platform's own address": ["168.63.129.16/32"],
  "a reserved address": [
    "0.0.0.0/8",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
  ],
};
/** What IPv6 has given out for the internet so far; all else is refused. */
const internetV6 = ["2000::/3"];

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 4 ? "ipv4" : "ipv6");

/** Networks as one list. Throws an Error that says what is expected. */
export const networks = (cidrs: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", bits, ...rest] = cidr.split("/");
    const most = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : undefined;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : undefined;
    if (most === undefined || prefix === undefined || prefix > most || rest.length > 0) {
      throw new Error("addresses or networks such as 10.1.2.0/24, separated by commas");
    }
    list.addSubnet(address, prefix, familyOf(address));
  }
  return list;
};

const lists = Object.entries(refused).map(([what, cidrs]) => ({ what, list: networks(cidrs) }));
const internet = networks(internetV6);

/** The eight groups of an IPv6 address. */
const groupsOf = (address: string): number[] => {
  const plain = new URL(`http://[${address.split("%", 1)[0]}]`).hostname.slice(1, -1);
  const [left = [], right = []] = plain.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
};

const prefixes = { mapped: [0, 0, 0, 0, 0, 0xffff], nat64: [0x64, 0xff9b, 0, 0, 0, 0] };

/** The IPv4 address that an IPv6 one stands for: IPv4-mapped, or behind NAT64. */
const within = (address: string): string | undefined => {
  const groups = groupsOf(address);
  const stands = Object.values(prefixes).some((prefix) => prefix.every((group, index) => group === groups[index]));
  const [high = 0, low = 0] = groups.slice(6);
  return stands ? [high >> 8, high & 255, low >> 8, low & 255].join(".") : undefined;
};

/**
 * Why nothing may be sent to this IP address, or undefined where it may. What `allowed` names may be reached, over plain http
 * too; else only the internet, and over TLS.
 */
export const addressFault = (address: string, secure: boolean, allowed: BlockList): string | undefined => {
  const inner = isIP(address) === 6 ? (within(address) ?? address) : address;
  if (allowed.check(address, familyOf(address)) || allowed.check(inner, familyOf(inner))) return undefined;
  const found = lists.find(({ list }) => list.check(inner, familyOf(inner)));
  if (found !== undefined) return `${inner} is ${found.what}`;
  if (isIP(inner) !== 4 && !internet.check(inner, "ipv6")) return `${inner} is a reserved address`;
  return secure ? undefined : `${inner} is on the internet, where only https is secret`;
};
