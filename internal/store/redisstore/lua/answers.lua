-- What a mutating script keeps of what it answered.
--
-- Of the keyed answers: what STATE says, weight being nil when there is no x
-- yet, and whether it was read.
local incarnation, weight, ends, oldest, stated = 0, nil, 0, 0, false
-- What settle is going to write: staged by token, and the same as arguments;
-- queued are those of XO.
local staged, answers, nanswers, records, nrecords, queued = {}, {}, 0, {}, 0, {}

-- state reads what there is to know of the keyed answers.
local function state()
  stated = true
  local s = call('HGET', X, 's')
  if s then incarnation, weight, ends, oldest = unpack(STATE, s) end
end

-- foresee reads the answers to the minted tokens of all units at once, up to
-- ARGV[n]; see apply.lua.
local seen
local function foresee(n)
  local toks, nt, a = {}, 0, 3
  while a <= n do
    if ARGV[a + 1] == '' then
      nt = nt + 1
      toks[nt] = ARGV[a]
    end
    a = a + unpack('>I2', ARGV[a + 2], 4)
  end
  if nt == 0 then return end
  seen = {}
  local recs = call('HMGET', T, spread(toks))
  for i = 1, nt do seen[toks[i]] = recs[i] end
end

-- lookup finds the token's answer, of one of the kinds that the script makes:
-- e, a, d a unit's effect, answer, draft; c creation, u update, t touch, r
-- removal. It returns the answer as it is kept and what to answer, or nothing
-- and an answer that counts as absent but is there.
local function lookup(tok, fingerprint, kinds)
  local rec = staged[tok]
  if not rec then
    if fingerprint == '' then
      if seen then rec = seen[tok] else rec = call('HGET', T, tok) end
    elseif stated then
      rec = call('HGET', X, tok)
    else
      local r = call('HMGET', X, tok, 's')
      rec, stated = r[1], true
      if r[2] then incarnation, weight, ends, oldest = unpack(STATE, r[2]) end
    end
    if not rec then return nil end
  end
  local known, answer = cold(now, tomb, keyed).recall(rec, fingerprint, fingerprint ~= '' and keyed or minted, incarnation, ends, kinds)
  return known, answer, not known and rec
end

-- remember stages the answer to a token and returns it. kind is a letter's
-- number, at the time of the first application, known the draft that it
-- replaces, stale what lookup said.
local function remember(tok, fingerprint, kind, at, body, known, stale)
  local rec
  if fingerprint == '' then
    rec = pack('>BI6', kind, at) .. body
    nrecords = nrecords + 2
    records[nrecords - 1], records[nrecords] = tok, rec
  else
    rec = pack('>BI6I4', kind, at, incarnation) .. fingerprint .. body
    local w = (weight or 0) + 64 + #rec
    if known or stale then w = w - cold(now, tomb, keyed).weigh(known or stale, incarnation) end
    if not weight then queued.fresh = true end
    weight = w
    if not known then queued[#queued + 1] = pack('>I6', at) .. tok end
    nanswers = nanswers + 2
    answers[nanswers - 1], answers[nanswers] = tok, rec
  end
  staged[tok] = rec
  return rec
end

-- settle writes what was staged; p is when Redis drops the session.
local function settle(p)
  local rest = p - now + tomb
  if nrecords > 0 then
    if nrecords == 2 then call('HSET', T, records[1], records[2]) else call('HSET', T, spread(records)) end
    call('PEXPIRE', T, rest < minted and rest or minted)
  end
  if nanswers > 0 then
    local n = #queued
    if n > 0 then
      -- A list that is new has no expiry yet.
      if call('RPUSH', XO, spread(queued)) == n then call('PEXPIRE', XO, rest) end
      local head = call('LINDEX', XO, 0)
      if head and unpack('>I6', head) + keyed <= now then
        weight = weight - cold(now, tomb, keyed).forget(2 * n, incarnation, staged) -- two out for one in: the list cannot outgrow its time
      end
    end
    answers[nanswers + 1], answers[nanswers + 2] = 's', pack(STATE, incarnation, weight, ends, oldest)
    call('HSET', X, spread(answers))
    if queued.fresh then call('PEXPIRE', X, rest) end
  end
end
