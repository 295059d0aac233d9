// Behaviours of the npm package `hibp`: a line of JSON for each, [what, whether it was so].
import * as hibp from 'hibp';

const base = process.env.BASE;
const at = (apiKey) => ({ baseUrl: `${base}/api/v3`, apiKey });
const key = at(process.env.KEY);
const passwords = { baseUrl: base };

const same = (found, expected) => JSON.stringify(found) === JSON.stringify(expected);
const names = (breaches) => breaches && breaches.map((breach) => breach.Name);
const fails = async (question) => question().then(() => null, (error) => error);

const behaviours = {
  'breachedAccount names breaches': async () => same(names(await hibp.breachedAccount('ann@corp.example', key)), ['Logs', 'Offers', 'Shop']),
  'breachedAccount is null where there is none': async () => (await hibp.breachedAccount('nobody@corp.example', key)) === null,
  'breachedAccount gives whole breaches': async () => {
    const found = await hibp.breachedAccount('bob@corp.example', { ...key, truncate: false, includeUnverified: false });
    return same(names(found), ['Shop']) && found[0].Title === 'zShop';
  },
  'breachedAccount filters by domain': async () => same(names(await hibp.breachedAccount('ann@corp.example', { ...key, domain: 'shop.example' })), ['Shop']),
  'breachedAccount without a key is told so': async () => /missing hibp-api-key/.test((await fails(() => hibp.breachedAccount('a@b.example', at())))?.message),
  'breachedAccount with another key is told so': async () => /invalid hibp-api-key/.test((await fails(() => hibp.breachedAccount('a@b.example', at('f'.repeat(32)))))?.message),
  'a rate limit is a RateLimitError with its seconds': async () => {
    const slow = at(process.env.SLOW_KEY);
    await hibp.breachedAccount('ann@corp.example', slow);
    const error = await fails(() => hibp.breachedAccount('ann@corp.example', slow));
    return error instanceof hibp.RateLimitError && error.retryAfterSeconds >= 1 && error.retryAfterSeconds <= 60;
  },
  'breachedDomain names breaches by alias': async () => same((await hibp.breachedDomain('corp.example', key)).dora, ['Clinic']),
  'breach gives one': async () => (await hibp.breach('Shop', key)).BreachDate === '2025-01-02',
  'breach is null where there is none': async () => (await hibp.breach('None', key)) === null,
  'breaches gives all': async () => (await hibp.breaches(key)).length === 6,
  'breaches filters by domain': async () => same(names(await hibp.breaches({ ...key, domain: 'clinic.example' })), ['Clinic']),
  'dataClasses are there': async () => (await hibp.dataClasses(key)).includes('Health records'),
  'latestBreach is the newest': async () => (await hibp.latestBreach(key)).Name === 'Clinic',
  'pasteAccount is null where there is none': async () => (await hibp.pasteAccount('ann@corp.example', key)) === null,
  'pasteAccount of a test account': async () => (await hibp.pasteAccount('account-exists@hibp-integration-tests.com', key)).length === 1,
  'search joins breaches and pastes': async () => {
    const found = await hibp.search('ann@corp.example', key);
    return found.breaches.length === 3 && found.pastes === null;
  },
  'stealerLogsByEmail names websites': async () => (await hibp.stealerLogsByEmail('ann@corp.example', key)).includes('netflix.example'),
  'stealerLogsByEmailDomain names websites by alias': async () => 'ann' in (await hibp.stealerLogsByEmailDomain('corp.example', key)),
  'stealerLogsByWebsiteDomain names addresses': async () => same(await hibp.stealerLogsByWebsiteDomain('mail.corp.example', key), ['ann@corp.example', 'eve@other.example']),
  'subscribedDomains are the verified ones': async () => (await hibp.subscribedDomains(key)).some((domain) => domain.DomainName === 'corp.example'),
  'subscriptionStatus tells the rate': async () => (await hibp.subscriptionStatus(key)).Rpm === 1000,
  'pwnedPassword counts': async () => (await hibp.pwnedPassword('password', passwords)) === 10434004,
  'pwnedPassword is 0 where there is none': async () => (await hibp.pwnedPassword('not leaked at all', passwords)) === 0,
  'pwnedPassword with padding': async () => (await hibp.pwnedPassword('password', { ...passwords, addPadding: true })) === 10434004,
  'pwnedPasswordRange gives all suffixes': async () => Object.keys(await hibp.pwnedPasswordRange('5BAA6', passwords)).length === 1500,
  'pwnedPasswordRange by NTLM': async () => (await hibp.pwnedPasswordRange('8846F', { ...passwords, mode: 'ntlm' }))['7EAEE8FB117AD06BDD830B7586C'] === 77,
  'pwnedPasswordRange refuses what is no prefix': async () => (await fails(() => hibp.pwnedPasswordRange('zzzzz', passwords))) !== null,
};

for (const [what, question] of Object.entries(behaviours)) {
  let so = false;
  let problem;
  try {
    so = await question();
  } catch (error) {
    problem = String(error);
  }
  console.log(JSON.stringify([what, Boolean(so), problem]));
}
