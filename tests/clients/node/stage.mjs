// What a script is told, and how it says that it came to its end.

import * as jose from 'jose';

async function read(stream) {
  let text = '';
  for await (const part of stream) text += part;
  return JSON.parse(text);
}

/** The issuer, the client and the person. */
export const stage = await read(process.stdin);

/** The client's own key, as the libraries take it. */
export async function ownKey() {
  const { pem, kid, alg } = stage.key;
  return { key: await jose.importPKCS8(pem, alg), kid };
}

/** Plays the flow that was asked for; whatever it throws ends the script with an error. */
export async function play(flows) {
  const flow = flows[stage.flow];
  if (!flow) throw new Error(`there is no flow ${stage.flow}`);
  await flow();
  console.log(`${stage.flow} done`);
}
