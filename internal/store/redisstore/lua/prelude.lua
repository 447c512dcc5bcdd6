-- Shared by every script of a session. It is put in front of the script's own
-- text, after the shebang.
--
-- KEYS of every session script, in this order:
--   1 m   hash    the session: ep cr exp ttl p ver seq cc nv b ro, and l:<label>
--   2 v   hash    variable name -> "<type><codec><flag><version>|<created>|<updated>|<by>\n<payload>"
--   3 c   hash    integer variable name -> its value, a decimal string
--   4 e   list    change log, one entry for each seq up to m.seq: at|by|, then for each variable its kind,
--                 the length of its name (1 byte), name, version|
--   5 d   string  tombstone: the instant at which the session expired. It is there only when m is not: an expired m is a
--                 tombstone by itself, until lua/bury.lua makes it a small one
--   6 x   hash    keyed token -> record; and of the records: "w" what they weigh in the session's bytes,
--                 "n" the number of this incarnation of the id (none is 0), "go" the oldest of "g<n>", "end" when those of a session
--                 that was ended end, "g<n>" when those of an earlier incarnation do
--   7 xo  list    "<at><token>" of x, oldest first
--   8 t   hash    minted token -> record, one hash for each minute
-- Session exists, by comparison: m.exp > now. m.p is when Redis itself drops
-- what the session holds, and m a tombstone later; it runs ahead of m.exp so
-- that most writes need not move it.
--
-- A record is "<kind><at, 13 digits>", for a keyed token "<incarnation, 6
-- digits><fingerprint, 32 bytes>", and a body: a sequence of netstrings. Bodies and values are opaque here: no JSON
-- is decoded, and no number of a user becomes a Lua number (they are doubles).
--
-- Every script returns strings: {"O", record} done now, {"R", record} done
-- before, or {"E", code, index of the operation, particulars...} refused with
-- nothing changed.
--
-- ARGV of every mutating script begins with:
--   1 clock offset ms  2 token  3 fingerprint ("" for a minted token)
--   4 ms a record is kept  5 ms a tombstone is kept
--
-- Numbers are handed to redis.call as text, made once with %d: it formats a
-- number itself at a precision that takes three times as long.
local M, V, C, L, D, X, XO, T = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local call, format, sub = redis.call, string.format, string.sub

local function clock()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1]
end

local function ns(s)
  s = tostring(s)
  return #s .. ':' .. s
end

-- lookup finds the token's record, of one of the kinds that the script makes:
-- e, a, d a unit's effect, answer, draft; c creation, u update, t touch, r
-- removal. A record past its time, or past the end of
-- its session and tombstone, counts as absent whether Redis still has it or
-- not. The PEXPIRE changes nothing but is a write: only then does WAIT on this
-- connection wait for the replicas that must know the first application.
--
-- Beside it, lookup learns what remember and weigh need: the number of this
-- incarnation, what keyed records weigh (nil: there is no x yet), and the
-- record that counts as absent but is still there.
local incarnation, weight, stale = 0, nil, nil
local function lookup(now, tomb, kinds)
  local tok, keyed = ARGV[2], ARGV[3] ~= ''
  local rec
  if keyed then
    local r = call('HMGET', X, tok, 'end', 'n', 'w')
    rec, weight = r[1], r[4]
    if r[3] then incarnation = tonumber(r[3]) end
    if not rec then return nil end
    stale = rec
    local ends, of = r[2], tonumber(sub(rec, 15, 20))
    if of ~= incarnation then
      ends = call('HGET', X, 'g' .. of) or 0
    elseif not ends then
      local exp = call('HGET', M, 'exp')
      ends = exp and tonumber(exp) + tomb
    end
    if ends and now >= tonumber(ends) then return nil end
  else
    rec = call('HGET', T, tok)
    if not rec then return nil end
  end
  if tonumber(sub(rec, 2, 14)) + tonumber(ARGV[4]) <= now then return nil end
  if (keyed and sub(rec, 21, 52) ~= ARGV[3]) or not string.find(kinds, sub(rec, 1, 1), 1, true) then
    return rec, {'E', 'reused', '0'}
  end
  local key = keyed and X or T
  call('PEXPIRE', key, math.max(call('PTTL', key), 1))
  return rec, {'R', rec}
end

-- absent says why there is no session to work on.
local function absent(now, tomb, exp)
  if exp then
    if now < tonumber(exp) + tomb then return {'E', 'expired', '0'} end
    return {'E', 'missing', '0'}
  end
  local d = call('GET', D)
  if d and now < tonumber(d) + tomb then return {'E', 'expired', '0'} end
  return {'E', 'missing', '0'}
end

-- keep moves Redis's own expiry of all keys to the instant p.
local function keep(now, p, tomb)
  local ms = p - now
  call('PEXPIRE', M, ms + tomb)
  call('PEXPIRE', V, ms)
  call('PEXPIRE', C, ms)
  call('PEXPIRE', L, ms)
  call('PEXPIRE', X, ms + tomb)
  call('PEXPIRE', XO, ms + tomb)
end

-- horizon returns the instant to which Redis's own expiry moves when the
-- session lives until exp: not long after, since nobody can use what is kept.
local function horizon(exp, ttl, tomb)
  return exp + math.min(math.floor(ttl / 10), 60000, tomb)
end

-- weigh returns what a record counts in the session's bytes: nothing when it is
-- of an earlier incarnation.
local function weigh(rec)
  if rec and tonumber(sub(rec, 15, 20)) == incarnation then return 64 + #rec end
  return 0
end

-- forget drops up to n keyed records whose time is over, oldest first, and
-- returns what they weighed. The one of this token stays: it is overwritten.
local function forget(now, n)
  local freed = 0
  for _ = 1, n do
    local head = call('LINDEX', XO, 0)
    if not head or tonumber(sub(head, 1, 13)) + tonumber(ARGV[4]) > now then break end
    call('LPOP', XO)
    local gone = sub(head, 14)
    if gone ~= ARGV[2] then
      local rec = call('HGET', X, gone)
      if rec and sub(rec, 2, 14) == sub(head, 1, 13) then
        call('HDEL', X, gone)
        freed = freed + weigh(rec)
      end
    end
  end
  return freed
end

-- remember stores the record of this token. at is the time of the first
-- application, known the draft that it replaces.
local function remember(now, kind, at, body, p, tomb, known)
  local tok, keyed = ARGV[2], ARGV[3] ~= ''
  local stamp = format('%013d', at)
  local rest = p - now + tomb
  if not keyed then
    local rec = kind .. stamp .. body
    call('HSET', T, tok, rec)
    call('PEXPIRE', T, rest < tonumber(ARGV[4]) and rest or ARGV[4])
    return rec
  end
  local rec = kind .. stamp .. format('%06d', incarnation) .. ARGV[3] .. body
  local w = (weight or 0) + 64 + #rec - weigh(stale)
  if not known then
    -- A list that is new has no expiry yet.
    if call('RPUSH', XO, stamp .. tok) == 1 then call('PEXPIRE', XO, rest) end
    w = w - forget(now, 2) -- two out for one in: the list cannot outgrow its time
  end
  call('HSET', X, tok, rec, 'w', format('%d', w))
  if not weight then call('PEXPIRE', X, rest) end
  return rec
end

-- finish removes a session's state; its keyed records stay for the length of
-- a tombstone.
local function finish(now, tomb)
  call('UNLINK', M, V, C, L, D)
  if call('EXISTS', X) == 1 then
    call('HSET', X, 'end', now + tomb)
    call('PEXPIRE', X, tomb)
    call('PEXPIRE', XO, tomb)
  end
end

-- snapshot returns the session hash as netstrings: field, value, ...
local function snapshot()
  local all = call('HGETALL', M)
  for i = 1, #all do all[i] = ns(all[i]) end
  return table.concat(all)
end

-- matches tells whether the session's tag is among ARGV[from..from+n-1].
local function matches(tag, any, from, n)
  if any == '1' then return true end
  for i = from, from + n - 1 do
    if ARGV[i] == tag then return true end
  end
  return false
end
