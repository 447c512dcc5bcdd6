-- Applies units to one session, one after the other: each whole or not at all.
-- ARGV 2 limits: max variables (4 bytes), max bytes (6), length of the change log (4)
--      then for each unit: token; fingerprint ("" for a minted token); kind of answer, count "1"|"0", number of
--      operations (1 byte each) and of arguments, these five included (2 bytes); memo; by
--      and for each of its operations: its kind, type letter ("-" for none) and wanted version ("" for any), in one; name;
--      and of P, C, N the payload; of A delta and initial or ""; of B, an A with bounds, also min or "" and max or ""
-- A unit with E comes alone.
-- Returns for each unit what other scripts return, joined by NUL.
-- Body: when (6 bytes) seq (6) commands (6) variables (4) created (6), the memo with its length (4) before it, then for
--       each operation the lengths of its name (1), head (1) and payload (4), "1" if it existed, else "0", name, head,
--       payload; a head is what a record has before its payload.
local format, byte, str, concat = string.format, string.byte, tostring, table.concat
local maxvars, maxbytes, maxlog = unpack('>I4I6I4', ARGV[2])
local h = call('HGET', M, 'h')
local exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch = 0
if h then exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch = unpack(HEAD, h) end
local arms, ending, named = false, false, 0

-- The variables as they stand after the units so far: name -> record, false for
-- none. changed has the names and records to write.
local vars, changed, nchanged, places, events = {}, {}, 0, {}, {}
local replies, a, n = {}, 3, #ARGV
local writes, results = {}, {}
if n > 2 + unpack('>I2', ARGV[5], 4) then foresee(n) end -- more than one unit

while a <= n do
  local tok, fingerprint, memo, by = ARGV[a], ARGV[a + 1], ARGV[a + 3], ARGV[a + 4]
  local kind, count, nops = byte(ARGV[a + 2], 1, 3)
  a = a + 5
  local known, reply, stale = lookup(tok, fingerprint, 'ead')
  if known and byte(known) == 100 and kind ~= 100 and reply[1] ~= 'E' then reply = nil end -- a draft goes on
  if not reply then
    if exp <= now then reply = cold(now, tomb, keyed).absent(h) elseif ro == 1 then reply = {'E', 'readonly', '0'} end
  end

  -- writes has for each written variable its name, its record, what to set the
  -- counter to (true: remove it, false: nothing), and for an A the counter that
  -- was (false: none), else nil: counters are tried out where they stand, since
  -- only HINCRBY adds 64-bit integers exactly, and a refusal puts them back.
  local nw, items = 0, ''
  local fresh, names, gone, grown = 0, 0, 0, 0
  for i = 1, nops do
    local spec, name = ARGV[a], ARGV[a + 1]
    local op, typ = byte(spec, 1, 2)
    local args = a + 2
    a = args + (op == 65 and 2 or op == 66 and 4 or (op == 80 or op == 67 or op == 78) and 1 or 0)
    if reply then -- nothing more is done
    elseif op == 69 then -- E
      ending = true
      results[i] = pack('>BBI4', 0, 0, 0) .. '1'
    else
      local rec = vars[name]
      if rec == nil then
        rec = call('HGET', V, name)
        vars[name] = rec
      end
      local live, have, version, since, size, payload = false, nil, 0, now, 0, ''
      if rec then
        local flag, born, _
        have, _, flag, version, born, _, size = unpack('>BBBI6I6I6B', rec)
        live = flag == 45 -- "-"
        if live then
          since = born
          payload = sub(rec, 23 + size)
        end
      end
      local write, counter, old = nil, false, nil -- write is the payload to write, false for a deletion
      if #spec > 2 and sub(spec, 3) ~= (live and format('%d', version) or '0') then
        reply = {'E', 'conflict', str(i), live and format('%d', version) or '0'}
      elseif op == 65 or op == 66 then -- A, B
        typ = 105 -- i
        if live and have ~= 105 then
          reply = {'E', 'type', str(i), string.char(have), 'i'}
        elseif not live and ARGV[args + 1] == '' then
          reply = {'E', 'notfound', str(i)}
        else
          old = live and payload
          if not old then call('HSET', C, name, ARGV[args + 1]) end
          local r = redis.pcall('HINCRBY', C, name, ARGV[args])
          if type(r) == 'table' then
            reply = {'E', 'overflow', str(i)}
          else
            if r > -9007199254740992 and r < 9007199254740992 then -- the double is exact
              write = format('%d', r)
            else
              write = call('HGET', C, name)
            end
            if op == 66 then
              local lo, hi = ARGV[args + 2], ARGV[args + 3]
              -- less compares decimal strings without making numbers of them.
              local function less(one, other)
                local no, nt = byte(one) == 45, byte(other) == 45
                if no ~= nt then return no end
                if no then one, other = sub(other, 2), sub(one, 2) end
                if #one ~= #other then return #one < #other end
                return one < other
              end
              if (lo ~= '' and less(write, lo)) or (hi ~= '' and less(hi, write)) then
                reply = {'E', 'bounds', str(i), write}
              end
            end
          end
          if reply then
            if old then call('HSET', C, name, old) else call('HDEL', C, name) end
          end
        end
      elseif op == 68 then -- D
        if live then write = false end
      elseif op ~= 76 then -- not L: P, C or N
        if op == 80 and live and have ~= typ then
          reply = {'E', 'type', str(i), string.char(have), string.char(typ)}
        elseif op == 67 and live then
          reply = {'E', 'exists', str(i)}
        elseif op ~= 78 or not live then
          write = ARGV[args]
          if typ == 105 then counter = write end
        end
      end

      local existed = live and '1' or '0'
      if reply then -- refused
      elseif write == nil then
        results[i] = pack('>BBI4', #name, live and 22 + size or 0, #payload) .. existed .. name .. (live and rec or '')
      else
        local record
        if write then
          if live then
            grown = grown + #write - #payload
          else
            fresh = fresh + 1
            if not rec then names = names + 1 end
            grown = grown + 64 + #name + #write
          end
          version = version + 1
          record = pack(RECORD, typ, typ == 105 and 99 or 106, 45, version, since, now, #by, by) .. write -- codec c or j
          results[i] = pack('>BBI4', #name, 22 + #by, #write) .. existed .. name .. record
          items = items .. pack('>c1Bc0I6', live and 'v' or 'r', #name, name, version)
        else
          gone = gone + 1
          grown = grown - 64 - #name - #payload
          record = pack(RECORD, have, 45, 120, version, now, now, #by, by) -- flag x
          counter = have == 105
          results[i] = pack('>BBI4', #name, 0, 0) .. '1' .. name
          items = items .. pack('>c1Bc0I6', 'd', #name, name, version)
        end
        writes[nw + 1], writes[nw + 2], writes[nw + 3], writes[nw + 4] = name, record, counter, old
        nw = nw + 4
      end
    end
  end

  local body, more
  if not reply then
    more = nv + fresh - gone
    if fresh > 0 and (more > maxvars or (names > 0 and call('HLEN', V) + named + names > 2 * maxvars + 1000)) then
      reply = {'E', 'variables', '0', format('%d', nv), format('%d', maxvars)}
    else
      body = pack('>I6I6I6I4I6I4', now, nw > 0 and seq + 1 or seq, count == 49 and not known and cc + 1 or cc, more, created, #memo)
        .. memo .. (nops == 1 and results[1] or concat(results, '', 1, nops))
      local heavier = grown
      if fingerprint ~= '' then heavier = heavier + 64 + 43 + #body end
      if heavier > 0 then
        if not stated then state() end
        local total = bytes + (weight or 0)
        if total + heavier > maxbytes and weight then
          local freed = cold(now, tomb, keyed).forget(128, incarnation, staged)
          if freed > 0 then
            weight = weight - freed
            total = bytes + weight
            call('HSET', X, 's', pack(STATE, incarnation, weight, ends, oldest))
          end
        end
        if total + heavier > maxbytes then reply = {'E', 'bytes', '0', format('%d', total), format('%d', maxbytes)} end
      end
    end
  end
  if body and not reply then
    -- Nothing here fails.
    if nw > 0 then
      seq = seq + 1
      events[#events + 1] = pack('>I6Bc0', now, #by, by) .. items
    end
    if count == 49 and not known then cc = cc + 1 end
    nv, bytes, named = more, bytes + grown, named + names
    if fresh > 0 then arms = true end
    for j = 1, nw, 4 do
      local name, record, counter = writes[j], writes[j + 1], writes[j + 2]
      vars[name] = record
      local place = places[name]
      if not place then
        place = nchanged + 2
        places[name], nchanged, changed[place - 1] = place, place, name
      end
      changed[place] = record
      if counter == true then call('HDEL', C, name) elseif counter then call('HSET', C, name, counter) end
    end
    replies[#replies + 1] = 'O\0' .. remember(tok, fingerprint, kind, known and unpack('>I6', known, 2) or now, body, known, stale)
  else
    for j = nw - 3, 1, -4 do
      local old = writes[j + 3]
      if old then call('HSET', C, writes[j], old) elseif old == false then call('HDEL', C, writes[j]) end
    end
    replies[#replies + 1] = concat(reply, '\0')
  end
end

if ending and byte(replies[1]) == 79 then -- O
  settle(now)
  cold(now, tomb, keyed).finish(tomb)
  return replies
end
if nrecords + nanswers > 0 then
  exp = now + ttl
  local moved = exp > p
  if moved then p = cold(now, tomb, keyed).horizon(exp, ttl) end
  if nchanged > 0 then
    call('HSET', V, spread(changed))
    local length = call('RPUSH', L, spread(events))
    if length >= maxlog + 128 then call('LTRIM', L, -maxlog, -1) end -- now and then, a lot at once
  end
  settle(p)
  call('HSET', M, 'h', pack(HEAD, exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch))
  if moved or arms then cold(now, tomb, keyed).keep(p) end -- a key that is new has no expiry yet
end
return replies
