-- cold returns what most runs do not need.
local function cold(now, tomb, keyed)
  local M, V, C, L, D, X, XO, T = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
  local H, B, N = KEYS[9], KEYS[10], KEYS[11]
  local call, sub, pack, unpack = redis.call, string.sub, struct.pack, struct.unpack
  local STATE = '>I4I6I6I4'
  local cold = {}

  -- recall returns an answer that was kept, and what to answer, or nothing when
  -- it counts as absent, whether Redis still has it or not: past its time, or
  -- past the end of its session and tombstone. kinds are those the script makes.
  -- The PEXPIRE changes nothing but is a write: only then does WAIT on this
  -- connection wait for the replicas that must know the first application.
  function cold.recall(rec, fingerprint, keep, incarnation, ends, kinds)
    if fingerprint ~= '' then
      local last, of = ends, unpack('>I4', rec, 8)
      if of ~= incarnation then
        last = tonumber(call('HGET', X, 'g' .. of) or 1)
      elseif last == 0 then
        local h = call('HGET', M, 'h')
        last = h and unpack('>I6', h) + tomb or 0
      end
      if last ~= 0 and now >= last then return nil end
    end
    if unpack('>I6', rec, 2) + keep <= now then return nil end
    if (fingerprint ~= '' and sub(rec, 12, 43) ~= fingerprint) or not string.find(kinds, sub(rec, 1, 1), 1, true) then
      return rec, {'E', 'reused', '0'}
    end
    local key = fingerprint ~= '' and X or T
    call('PEXPIRE', key, math.max(call('PTTL', key), 1))
    return rec, {'R', rec}
  end

  -- absent says why there is no session to work on, whose head is h.
  function cold.absent(h)
    local last = h and unpack('>I6', h) or call('GET', D)
    if last and now < last + tomb then return {'E', 'expired', '0'} end
    return {'E', 'missing', '0'}
  end

  -- keep moves Redis's own expiry of all keys to the instant p.
  function cold.keep(p)
    local ms = p - now
    call('PEXPIRE', M, ms + tomb)
    call('PEXPIRE', V, ms)
    call('PEXPIRE', C, ms)
    call('PEXPIRE', L, ms)
    call('PEXPIRE', H, ms)
    call('PEXPIRE', N, ms)
    call('PEXPIRE', B, ms + tomb + 3600000) -- the sweeper must find what to release
    call('PEXPIRE', X, ms + tomb)
    call('PEXPIRE', XO, ms + tomb)
  end

  -- horizon returns the instant to which Redis's own expiry moves when the
  -- session lives until exp: not long after, since nobody can use what is kept.
  function cold.horizon(exp, ttl) return exp + math.min(math.floor(ttl / 10), 60000, tomb) end

  -- weigh returns what an answer counts in the session's bytes: nothing when it
  -- is of an earlier incarnation.
  function cold.weigh(rec, incarnation)
    if rec and unpack('>I4', rec, 8) == incarnation then return 64 + #rec end
    return 0
  end

  -- forget drops up to n keyed answers whose time is over, oldest first, and
  -- returns what they weighed. Those that are about to be overwritten stay.
  function cold.forget(n, incarnation, staged)
    local freed = 0
    for _ = 1, n do
      local head = call('LINDEX', XO, 0)
      if not head or unpack('>I6', head) + keyed > now then break end
      call('LPOP', XO)
      local gone = sub(head, 7)
      if not staged[gone] then
        local rec = call('HGET', X, gone)
        if rec and sub(rec, 2, 7) == sub(head, 1, 6) then
          call('HDEL', X, gone)
          freed = freed + cold.weigh(rec, incarnation)
        end
      end
    end
    return freed
  end

  -- finish removes a session's state; its keyed answers stay for so many ms.
  function cold.finish(rest)
    cold.ring(call('HGET', M, 'h'))
    call('UNLINK', M, V, C, L, D, H, N)
    local s = call('HGET', X, 's')
    if s then
      local n, w, _, first = unpack(STATE, s)
      call('HSET', X, 's', pack(STATE, n, w, now + rest, first))
      call('PEXPIRE', X, rest)
      call('PEXPIRE', XO, rest)
    end
  end

  -- ring wakes those who follow the session whose head is h.
  function cold.ring(h)
    if h and #h > 59 and unpack('>I4', h, 60) * 1000 > now then call('PUBLISH', 'tp1:bell', M) end
  end

  -- locked returns a refusal for the session's first live lock that token does
  -- not open, and how many there are.
  function cold.locked(token)
    local all, refusal, live, over = call('HGETALL', M), nil, 0, {}
    for i = 1, #all, 2 do
      if sub(all[i], 1, 2) == 'k:' then
        local til, _, own, holder = unpack('>I6I6Bc0Bc0', all[i + 1])
        if til <= now then
          over[#over + 1] = all[i]
        else
          live = live + 1
          if own ~= token then refusal = {'E', 'locked', '0', sub(all[i], 3), holder, string.format('%d', til)} end
        end
      end
    end
    return refusal, live, over
  end

  -- snapshot returns the session: its head, then label and value, each with its
  -- length (4 bytes) before it, ...
  function cold.snapshot()
    local all, out = call('HGETALL', M), {''}
    for i = 1, #all, 2 do
      if all[i] == 'h' then
        out[1] = sub(all[i + 1], 1, 59)
      elseif sub(all[i], 1, 2) == 'l:' then
        out[#out + 1] = pack('>I4c0I4c0', #all[i] - 2, sub(all[i], 3), #all[i + 1], all[i + 1])
      end
    end
    return table.concat(out)
  end

  -- matches tells whether the tag of a session is among ARGV[from..from+n-1].
  function cold.matches(epoch, version, any, from, n)
    if any == '1' then return true end
    local tag = epoch .. '-' .. string.format('%d', version)
    for i = from, from + n - 1 do
      if ARGV[i] == tag then return true end
    end
    return false
  end
  return cold
end
