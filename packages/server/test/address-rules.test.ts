import { describe, expect, it } from "vitest";
import { addressFault, networks } from "../src/deliveries/address-rules.ts";
import { readWebhookUrl } from "../src/deliveries/webhook-url.ts";

const nothing = networks([]);

describe("addresses", () => {
  it.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "fd00:ec2::254",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "100::1",
    "5f00::1",
  ])("%s is refused", (address) => {
    expect(addressFault(address, true, nothing)).toMatch(/ is /);
  });

  it.each([
    "1.1.1.1",
    "8.8.8.8",
    "172.32.0.1",
    "192.169.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
  ])("%s is the internet: over TLS only", (address) => {
    expect(addressFault(address, true, nothing)).toBeUndefined();
    expect(addressFault(address, false, nothing)).toContain("https");
  });

  it("what the setting allows is reached, over http too, and nothing beside it", () => {
    const allowed = networks(["10.1.2.0/24", "fd12::/16", "127.0.0.1"]);
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd12::7", "127.0.0.1"]) {
      expect(addressFault(address, false, allowed)).toBeUndefined();
    }
    for (const address of ["10.1.3.1", "::ffff:10.1.3.1", "fd13::7", "127.0.0.2"]) {
      expect(addressFault(address, true, allowed)).toBeDefined();
    }
  });

  it.each(["10.0.0.0/33", "10.0.0/8", "example.com", "", "::/129", "10.0.0.0/8/8", "10.0.0.0/-1"])(
    "%j is no network",
    (text) => expect(() => networks([text])).toThrow(/10\.1\.2\.0\/24/),
  );
});

describe("URLs", () => {
  const refusal = (text: string) =>
    readWebhookUrl(text, nothing).then(
      () => undefined,
      (error: { code: string; message: string; hint: string }) => error,
    );

  it.each([
    "https://2130706433/s3cret",
    "https://0x7f.1/s3cret",
    "https://0177.0.0.1/s3cret",
    "https://127.1/s3cret",
    "https://0/s3cret",
    "https://[::ffff:127.0.0.1]/s3cret",
    "https://[::1]/s3cret",
    "https://localhost/s3cret",
    "https://localhost./s3cret",
    "https://169.254.169.254/s3cret",
    "http://1.1.1.1/s3cret",
    "https://user:passw0rd@1.1.1.1/s3cret",
    "ftp://1.1.1.1/s3cret",
    "s3cret",
    "https://no-such-host.invalid/s3cret",
  ])("%s is refused when it is set, without repeating its path or password", async (text) => {
    const error = await refusal(text);
    expect(error).toMatchObject({ code: "webhook_refused" });
    expect(`${error?.message} ${error?.hint}`).not.toMatch(/s3cret|passw0rd/);
    expect(error?.hint).not.toBe("");
  });

  it("an https URL on the internet is taken, without its fragment", async () => {
    expect((await readWebhookUrl("https://1.1.1.1:8443/a?b=c#d", nothing)).href).toBe("https://1.1.1.1:8443/a?b=c");
  });
});
