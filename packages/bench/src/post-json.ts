/** Sends JSON and gives the JSON of the answer. Throws unless that is a success. */
export const postJson = async (
  url: string,
  body: object,
  token?: string,
  method = "POST",
): Promise<Record<string, unknown>> => {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
};
