// Run by `helm test`: one review of a pod without owner; exit code 0 if the webhook lets it start unchanged.
const { request } = require('node:https');

const metadata = { name: 'nobodys-0', labels: { 'stellar.org/node-type': 'Validator' } };
const spec = { containers: [{ name: 'stellar-node', image: 'stellar-core' }] };
const object = { apiVersion: 'v1', kind: 'Pod', metadata, spec };
const uid = `helm-test-${process.pid}`;
const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'default',
    operation: 'CREATE',
    dryRun: true,
    object,
  },
};

/** Ends the process with what was found. */
function end(exitCode, said) {
  process.stdout.write(`${said}\n`);
  process.exit(exitCode);
}

/** What is wrong with an answer; undefined where nothing is. */
function wrongWith(status, text) {
  if (status !== 200) return `status ${status}: ${text}`;
  const { response } = JSON.parse(text);
  if (response?.uid !== uid || response.allowed !== true) return `not allowed: ${text}`;
  return response.patch === undefined ? undefined : `a patch for a pod without owner: ${text}`;
}

const url = process.env.WEBHOOK_URL;
const options = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  timeout: 5000,
  // The certificate is for the API server, which has its CA from the webhook configuration; this pod may not read that.
  rejectUnauthorized: false,
};
const asked = request(url, options, (answer) => {
  let text = '';
  answer.setEncoding('utf8');
  answer.on('data', (chunk) => {
    text += chunk;
  });
  answer.on('end', () => {
    const wrong = wrongWith(answer.statusCode, text);
    end(wrong ? 1 : 0, wrong ? `${url}: ${wrong}` : `${url} answers`);
  });
});
asked.on('timeout', () => asked.destroy(new Error('no answer within 5 s')));
asked.on('error', (error) => end(1, `${url}: ${error.message}`));
asked.end(JSON.stringify(review));
