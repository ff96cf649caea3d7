'use strict';
// The npm clients, told what to do as bench/clients/common.py says: node client.js LIBRARY CASE JSON

const readline = require('readline');

const [library, name, text] = process.argv.slice(2);
const job = JSON.parse(text);
const callbacks = library === 'node-bacnet';
const Bacnet = callbacks ? require('node-bacnet') : require('@bacnet-js/client').default;
const ANALOG_INPUT = 0;
const PRESENT_VALUE = 85;
const ALL = 4294967295;
const WARM_UP = 0.5;

const client = new Bacnet({ port: job.port, interface: '127.0.0.1', broadcastAddress: '127.0.0.255' });
client.on('error', () => {});
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');
const now = () => Number(process.hrtime.bigint()) / 1e9; // CLOCK_MONOTONIC
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

function readMultiple(address, request) {
  if (!callbacks) return client.readPropertyMultiple({ address }, request);
  return new Promise((resolve, reject) =>
    client.readPropertyMultiple({ address }, request, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
}

function subscribe(address, instance) {
  const point = { type: ANALOG_INPUT, instance };
  if (!callbacks) return client.subscribeCov({ address }, point, 1, false, false, 3600, {});
  return new Promise((resolve, reject) =>
    client.subscribeCov({ address }, point, 1, false, false, 3600, {}, (error) => (error ? reject(error) : resolve())),
  );
}

async function rpm() {
  const request = [];
  for (let instance = 1; instance <= job.values; instance++) {
    request.push({ objectId: { type: ANALOG_INPUT, instance }, properties: [{ id: PRESENT_VALUE, index: ALL }] });
  }
  let running = true;
  let count = 0;
  const early = [];
  const late = [];
  async function repeat(position) {
    const address = job.devices[position % job.devices.length];
    while (running) {
      const answer = await readMultiple(address, request);
      const values = answer.values.map((object) => object.values[0].value[0].value);
      if (values.length !== job.values) throw new Error(`${values.length} values instead of ${job.values}`);
      count += values.length;
      early[position] ??= values;
      late[position] = values;
    }
  }
  const loops = [];
  for (let position = 0; position < job.in_flight; position++) loops.push(repeat(position));
  const failed = Promise.all(loops);
  await Promise.race([pause(WARM_UP), failed]);
  const [before, started, used] = [count, now(), cpu()];
  await Promise.race([pause(job.seconds), failed]);
  const answer = { values: count - before, seconds: now() - started, cpu: cpu() - used };
  running = false;
  await Promise.race([failed, pause(1)]); // one whose invoke id was taken by a later request is never answered
  say({ ...answer, early, late });
}

async function cov() {
  let times = new Map();
  let received = 0;
  client.on('covNotifyUnconfirmed', (message) => {
    for (const entry of message.payload.values) {
      if (entry.property.id !== PRESENT_VALUE) continue;
      received += 1;
      const number = entry.value[0].value;
      if (!times.has(number)) times.set(number, now());
    }
  });
  for (const address of job.devices) {
    for (let instance = 1; instance <= job.objects; instance++) await subscribe(address, instance);
  }
  say({ ready: job.devices.length * job.objects });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line === 'count') {
      let last = 0;
      for (const time of times.values()) last = Math.max(last, time);
      say({ received, distinct: times.size, last });
      times = new Map();
      received = 0;
    } else if (line === 'times') say({ times: [...times].sort((a, b) => a[0] - b[0]) });
    else if (line === 'end') break;
  }
}

const cases = { rpm, cov };
if (cases[name]) {
  cases[name]().then(
    () => process.exit(0),
    (error) => {
      process.stderr.write(`${error && error.stack}\n`);
      process.exit(1);
    },
  );
} else {
  say({ cannot: name });
  process.exit(0);
}
