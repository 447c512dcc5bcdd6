-- Applies units to one session, one after the other: each whole or not at all.
-- ARGV 2 limits: max variables (4 bytes), max bytes (6), length of the change log (4), segments of history (1), versions in
--        it (2), what may weigh in it (6)
--      then for each unit: token; fingerprint ("" for a minted token); kind of answer, mode (bits: 1 count, 2 one by one),
--      number of operations (1 byte each) and of arguments, these five included (2 bytes); memo; by
--      and for each of its operations: its kind, type letter ("-" for none) and wanted version ("" for any, "*" for one that is there, or
--      with @ and the epoch), in one; name; and
--        A  delta, initial or "": add
--        B  delta, initial or "", min or "", max or "", constraints: the same with bounds
--        P, C, N  payload: put, create, ensure a value of that type, without constraints
--        W  how, constraints, version or "", new constraints, new metadata, payload: write. how is P, C, N, M (it must be
--           there) or O (whatever it was; under another type its history goes), the change's letter, and what else it is:
--           s (another type is refused), u (it brings its bytes)
--        X  version or "", why: refuse
--        K  token, "+" or (to keep that of a lock which is renewed) "=" with the holder, ms: lock
--        U  unlock
--        T  the name is the token of locks for all that comes after
--        D, L, E  delete, load, end
-- What is said of constraints and of a version after the name is what the caller took the variable for; when it is another,
-- the refusal is "schema" and the caller looks again. New ones are "=" (as they are) or "+" and the text.
-- A unit with E comes alone.
-- Returns for each unit what other scripts return, joined by NUL; F instead of O when blobs have become useless.
-- Body: when (6 bytes) seq (6) commands (6) variables (4) created (6), the memo with its length (4) before it, 255 and the
--       epoch (8), then for
--       each operation but T the lengths of its name (1), head (1) and payload (4), what became of it, name, head, payload; a
--       head is what a record has before its extras and its payload. What became of it: 0 or 1, whether it existed; K the
--       same as 1, and the lock as m has it follows, with its length (2) before it; ! it was refused, and the payload is the
--       refusal, joined by NUL.
local format, byte, str, concat = string.format, string.byte, tostring, table.concat
local maxvars, maxbytes, maxlog, slots, many, most = unpack('>I4I6I4BI2I6', ARGV[2])
local h = call('HGET', M, 'h')
local exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch = 0
if h then exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch = unpack(HEAD, h) end
local page = maxbytes / 1024
local arms, ending, named = false, false, 0

-- The variables as they stand after the units so far: name -> record, false for
-- none. changed has the names and records to write, before what they were.
local vars, changed, nchanged, places, events, before = {}, {}, 0, {}, {}, {}
local replies, a, n = {}, 3, #ARGV
local writes, results = {}, {}
local pending = 0 -- what units so far add to bytes at most when blobs and history are settled, which is at the end
if n > 2 + unpack('>I2', ARGV[5], 4) then foresee(n) end -- more than one unit

-- rare returns what most runs do not need, for one unit.
local function rare()
  local self = {}
  -- uses notes that a record's bytes get or lose a reference.
  self.blobs = {}
  function self.uses(rec, by)
    local _, _, flag, _, _, _, size = unpack('>BBBI6I6I6B', rec)
    local at = 23 + size
    if flag == 43 or flag == 75 then
      local cl, ml = unpack('>I2I2', rec, at)
      at = at + 4 + cl + ml
    end
    local digest, weight = unpack('>c32I6', rec, at)
    self.blobs[#self.blobs + 1] = {digest, weight, by}
    return digest, weight
  end
  -- less compares decimal strings without making numbers of them.
  function self.less(one, other)
    local no, nt = byte(one) == 45, byte(other) == 45
    if no ~= nt then return no end
    if no then one, other = sub(other, 2), sub(one, 2) end
    if #one ~= #other then return #one < #other end
    return one < other
  end
  -- lock returns the live lock of a variable: its text, token, holder, end, fence.
  function self.lock(name)
    local l = call('HGET', M, 'k:' .. name)
    if not l then return nil end
    local til, fence, own, holder = unpack('>I6I6Bc0Bc0', l)
    if til > now then return l, own, holder, til, fence end
  end
  self.locks, self.over, self.taken = {}, {}, 0 -- name, new text or false; fields of dead ones; how many are new
  return self
end

while a <= n do
  local tok, fingerprint, memo, by = ARGV[a], ARGV[a + 1], ARGV[a + 3], ARGV[a + 4]
  local kind, mode, nops = byte(ARGV[a + 2], 1, 3)
  a = a + 5
  local known, reply, stale = lookup(tok, fingerprint, 'ead')
  if known and byte(known) == 100 and kind ~= 100 and reply[1] ~= 'E' then reply = nil end -- a draft goes on
  if not reply then
    if exp <= now then reply = cold(now, tomb, keyed).absent(h) elseif ro == 1 then reply = {'E', 'readonly', '0'} end
  end

  -- writes has for each written variable its name, its record, what to set the
  -- counter to (true: remove it, false: nothing), for an A the counter that was
  -- (false: none), else nil, and what it was if that goes into the history, true
  -- if the history goes.
  -- Counters are tried out where they stand, since only HINCRBY adds 64-bit
  -- integers exactly, and a refusal puts them back.
  local nw, items, more, opener = 0, '', nil, nil
  -- grown is by how much variables grow, brought what new blobs weigh, kept what
  -- goes into the history.
  local fresh, names, gone, grown, brought, kept = 0, 0, 0, 0, 0, 0
  for i = 1, nops do
    local spec, name = ARGV[a], ARGV[a + 1]
    local op, typ = byte(spec, 1, 2)
    local args = a + 2
    if op == 65 then a = args + 2 -- A
    elseif op == 80 or op == 67 or op == 78 then a = args + 1 -- P, C, N
    elseif op == 88 then a = args + 2 -- X
    elseif op == 87 then a = args + 6 -- W
    elseif op == 66 then a = args + 5 -- B
    elseif op == 75 then a = args + 3 -- K
    else a = args end
    if reply then -- nothing more is done
    elseif op == 84 then -- T
      opener = name
      results[i] = ''
    elseif op == 69 then -- E
      local locked = cold(now, tomb, keyed).locked(opener)
      if locked then
        reply, locked[3] = locked, str(i)
      else
        ending = true
        results[i] = pack('>BBI4', 0, 0, 0) .. '1'
      end
    else
      local rec = vars[name]
      if rec == nil then
        rec = call('HGET', V, name)
        vars[name] = rec
      end
      -- extra is what a record has between head and payload.
      local live, have, flag, version, since, size, payload, extra = false, nil, 45, 0, now, 0, '', ''
      local constraints, metadata = '', ''
      if rec then
        local f, born, _
        have, _, f, version, born, _, size = unpack('>BBBI6I6I6B', rec)
        live = f ~= 120 -- x
        if live then
          since, flag = born, f
          if f == 43 or f == 75 then -- +, K
            local at = 23 + size
            local cl, ml = unpack('>I2I2', rec, at)
            extra, payload = sub(rec, at, at + 3 + cl + ml), sub(rec, at + 4 + cl + ml)
            constraints, metadata = sub(extra, 5, 4 + cl), sub(extra, 5 + cl)
          else
            payload = sub(rec, 23 + size)
          end
        end
      end
      local write, counter, old, letter, lock = nil, false, nil, nil, nil -- write is the payload to write, false for a deletion
      local forgets = false
      local wanted = #spec > 2 and sub(spec, 3)
      local current = wanted and (live and format('%d', version) or '0')
      if wanted and wanted ~= current and not (wanted == '*' and live) and wanted ~= current .. '@' .. epoch then
        reply = {'E', 'conflict', str(i), live and format('%d', version) or '0'}
      elseif flag > 45 and op ~= 76 and op ~= 75 then -- k, K
        more = more or rare()
        local l, own, holder, til = more.lock(name)
        if l and own ~= opener then reply = {'E', 'locked', str(i), name, holder, format('%d', til)} end
      end
      if reply then
      elseif op == 65 or op == 66 then -- A, B
        typ = 105 -- i
        if live and have ~= 105 then
          reply = {'E', 'type', str(i), string.char(have), 'i'}
        elseif not live and ARGV[args + 1] == '' then
          reply = {'E', 'notfound', str(i)}
        elseif constraints ~= '' and (op == 65 or constraints ~= ARGV[args + 4]) then
          reply = {'E', 'schema', str(i)}
        else
          old = live and payload
          if not old then call('HSET', C, name, ARGV[args + 1]) end
          local r = redis.pcall('HINCRBY', C, name, ARGV[args])
          if type(r) == 'table' then
            reply = {'E', 'overflow', str(i), ARGV[args]}
          else
            if r > -9007199254740992 and r < 9007199254740992 then -- the double is exact
              write = format('%d', r)
            else
              write = call('HGET', C, name)
            end
            if op == 66 then
              local lo, hi = ARGV[args + 2], ARGV[args + 3]
              more = more or rare()
              if (lo ~= '' and more.less(write, lo)) or (hi ~= '' and more.less(hi, write)) then
                reply = {'E', 'bounds', str(i), write, ARGV[args], lo, hi}
              end
            end
          end
          if reply then
            if old then call('HSET', C, name, old) else call('HDEL', C, name) end
            write = nil
          end
        end
      elseif op == 68 then -- D
        if live then write = false end
      elseif op == 87 then -- W
        local how, assumed, at = ARGV[args], ARGV[args + 1], ARGV[args + 2]
        local way = byte(how)
        if way == 67 and live then
          reply = {'E', 'exists', str(i)}
        elseif way == 77 and not live then
          reply = {'E', 'notfound', str(i)}
        elseif way ~= 78 or not live then
          if live and have ~= typ and way ~= 79 then -- O
            reply = string.find(how, 's', 3, true) and {'E', 'type', str(i), string.char(have), string.char(typ)} or {'E', 'schema', str(i)}
          elseif way ~= 79 and ((live and constraints ~= assumed) or (at ~= '' and at ~= (live and format('%d', version) or '0'))) then
            reply = {'E', 'schema', str(i)}
          else
            write = ARGV[args + 5]
            letter = live and byte(how, 2) or 114 -- r
            if way == 79 and live then letter = have ~= typ and 114 or constraints ~= sub(ARGV[args + 3], 2) and 99 or 118 end -- r, c, v
            if typ == 105 then counter = write elseif live and have == 105 then counter = true end
            if not live then constraints, metadata = '', '' end
            local nc, nm = ARGV[args + 3], ARGV[args + 4]
            if nc ~= '=' then constraints = sub(nc, 2) end
            if nm ~= '=' then metadata = sub(nm, 2) end
            if constraints == '' and metadata == '' then
              extra, flag = '', (flag == 107 or flag == 75) and 107 or 45
            else
              extra = pack('>I2I2', #constraints, #metadata) .. constraints .. metadata
              flag = (flag == 107 or flag == 75) and 75 or 43
            end
            if typ == 116 then
              local digest, weight = unpack('>c32I6', write)
              local r = blob(epoch, digest)
              if not r[3] or (r[1] == 0 and not string.find(how, 'u', 3, true)) then
                reply, write = {'E', 'gone', str(i)}, nil
              elseif r[1] == 0 then
                brought = brought + weight
              end
            end
          end
        end
      elseif op == 88 then -- X
        local at = ARGV[args]
        if at ~= '' and at ~= (live and format('%d', version) or '0') then
          reply = {'E', 'schema', str(i)}
        else
          reply = {'E', 'refused', str(i), ARGV[args + 1]}
        end
      elseif op == 75 or op == 85 then -- K, U
        more = more or rare()
        if op == 75 and not live then
          reply = {'E', 'notfound', str(i)}
        elseif live then
          local l, own, holder, til, fence = more.lock(name)
          if op == 85 then
            if l then lock = false end
          elseif l and own ~= ARGV[args] then
            reply = {'E', 'locked', str(i), name, holder, format('%d', til)}
          else
            local _, number, over = cold(now, tomb, keyed).locked('')
            number, more.over = number + more.taken, over
            if not l and number >= 128 then
              reply = {'E', 'locks', str(i), str(number)}
            else
              if not l then more.taken = more.taken + 1 end
              local token, given = ARGV[args], ARGV[args + 1]
              if not l or byte(given) == 43 then holder = sub(given, 2) end -- +
              lock = pack('>I6I6Bc0Bc0', now + ARGV[args + 2], l and fence or seq + 1, #token, token, #holder, holder)
            end
          end
        end
      elseif op ~= 76 then -- not L: P, C or N
        if op == 67 and live then
          reply = {'E', 'exists', str(i)}
        elseif op == 80 and live and have ~= typ then
          reply = {'E', 'type', str(i), string.char(have), string.char(typ)}
        elseif op == 80 and constraints ~= '' then
          reply = {'E', 'schema', str(i)}
        elseif op ~= 78 or not live then
          write = ARGV[args]
          if typ == 105 then counter = write end
        end
      end

      local existed = live and '1' or '0'
      if reply then
        if mode >= 50 and reply[2] ~= 'schema' and reply[2] ~= 'locks' then -- it is refused alone
          reply[3] = '0'
          local text = concat(reply, '\0', 2)
          results[i], reply = pack('>BBI4', #name, 0, #text) .. '!' .. name .. text, nil
        end
      elseif lock ~= nil then
        more.locks[#more.locks + 1], more.locks[#more.locks + 2] = name, lock
        local record = sub(rec, 1, 2) .. ((flag == 43 or flag == 75) and 'K' or 'k') .. sub(rec, 4)
        results[i] = pack('>BBI4', #name, 22 + size, #rec - 22 - size) .. (lock and 'K' or '1') .. name .. record
        if lock then results[i] = results[i] .. pack('>I2c0', #lock, lock) end
        items = items .. pack('>c1Bc0I6', lock and 'l' or 'u', #name, name, version)
        writes[nw + 1], writes[nw + 2], writes[nw + 3], writes[nw + 4], writes[nw + 5] = name, record, false, nil, nil
        nw = nw + 5
      elseif write == nil then
        results[i] = pack('>BBI4', #name, live and 22 + size or 0, live and #rec - 22 - size or 0) .. existed .. name .. (live and rec or '')
      else
        local record
        if write then
          if live then
            grown = grown + #write + #extra - (#rec - 22 - size)
            if have ~= typ then
              since = now
            else
              kept = kept + #rec + #name + 45 -- with what a history begins with
            end
            if have == 116 then more = more or rare() end
          else
            fresh = fresh + 1
            if not rec then names = names + 1 end
            grown = grown + 64 + #name + #write + #extra
          end
          version = version + 1
          record = pack(RECORD, typ, typ == 105 and 99 or 106, flag, version, since, now, #by, by) .. extra .. write -- codec c or j
          if typ == 116 then
            more = more or rare()
            more.uses(record, 1)
          end
          if live and have ~= typ then
            if have == 116 then more.uses(rec, -1) end
            forgets = true
          end
          results[i] = pack('>BBI4', #name, 22 + #by, #extra + #write) .. existed .. name .. record
          items = items .. pack('>c1Bc0I6', letter and string.char(letter) or live and 'v' or 'r', #name, name, version)
        else
          gone = gone + 1
          grown = grown - 64 - #name - (#rec - 22 - size)
          record = pack(RECORD, have, 45, 120, version, now, now, #by, by) -- flag x
          counter = have == 105
          more = more or rare()
          if have == 116 then more.uses(rec, -1) end
          if flag > 45 then more.locks[#more.locks + 1], more.locks[#more.locks + 2] = name, false end
          results[i] = pack('>BBI4', #name, 0, 0) .. '1' .. name
          items = items .. pack('>c1Bc0I6', 'd', #name, name, version)
        end
        writes[nw + 1], writes[nw + 2], writes[nw + 3], writes[nw + 4], writes[nw + 5] = name, record, counter, old, forgets or live and rec
        nw = nw + 5
      end
    end
  end

  local body, total
  if not reply then
    total = nv + fresh - gone
    local dead = 2 * maxvars + 1000 -- records of deleted variables stay, or their versions would start again
    local cells = names > 0 and call('HLEN', V) + named
    if fresh > 0 and total > maxvars then
      reply = {'E', 'variables', '0', format('%d', nv), format('%d', maxvars)}
    elseif cells and cells + names > dead then
      reply = {'E', 'variables', '0', format('%d', cells), format('%d', dead)}
    else
      local counts = mode % 2 == 1 and not known -- '1' and '3' are odd
      body = pack('>I6I6I6I4I6I4', now, nw > 0 and seq + 1 or seq, counts and cc + 1 or cc, total, created, #memo)
        .. memo .. '\255' .. epoch .. (nops == 1 and results[1] or concat(results, '', 1, nops))
      local heavier = grown + brought
      if fingerprint ~= '' then heavier = heavier + 64 + 43 + #body end
      -- A look costs a call. Where only the history grows it is taken when that
      -- enters another page, so that the limit may be exceeded by less than one. A
      -- history goes up and down: pages are large, lest it does so over an edge.
      local utmost = heavier + kept
      if heavier > 0 or (utmost > 0 and (bytes + pending + utmost) % page < utmost) then
        if not stated then state() end
        local sum = bytes + (weight or 0)
        if sum + pending + utmost > maxbytes and weight then
          local freed = cold(now, tomb, keyed).forget(128, incarnation, staged)
          if freed > 0 then
            weight = weight - freed
            sum = bytes + weight
            call('HSET', X, 's', pack(STATE, incarnation, weight, ends, oldest))
          end
        end
        if sum + pending + utmost > maxbytes and not ending then
          local ahead = heavy(epoch).ahead
          local current = sum + ahead(before, writes, 0, {}, slots, many, most)
          local after = sum + heavier - brought + ahead(before, writes, nw, more and more.blobs or {}, slots, many, most)
          if after > maxbytes and after > current then reply = {'E', 'bytes', '0', format('%d', current), format('%d', maxbytes)} end
        end
      end
    end
  end
  if body and not reply then
    -- Nothing here fails.
    if nw > 0 then
      seq = seq + 1
      events[#events + 1] = pack('>I6Bc0', now, #by, by) .. items
    end
    if mode % 2 == 1 and not known then cc = cc + 1 end
    nv, bytes, named, pending = total, bytes + grown, named + names, pending + brought + kept
    if fresh > 0 then arms = true end
    for j = 1, nw, 5 do
      local name, record, counter, old = writes[j], writes[j + 1], writes[j + 2], writes[j + 4]
      vars[name] = record
      local place = places[name]
      if not place then
        place = nchanged + 2
        places[name], nchanged, changed[place - 1] = place, place, name
      end
      changed[place] = record
      if counter == true then call('HDEL', C, name) elseif counter then call('HSET', C, name, counter) end
      local ended = byte(record, 3) == 120 -- x
      if ended or old == true then
        bytes = bytes - heavy(epoch, name).drop(slots, before[name] or {})
        before[name] = nil
        if ended then call('ZREM', N, name) end
      elseif old then
        local list = before[name]
        if list then list[#list + 1] = old else before[name] = {old} end
      elseif old == false then
        call('ZADD', N, 0, name)
      end
    end
    if more then
      for j = 1, #more.over do call('HDEL', M, more.over[j]) end
      for j = 1, #more.locks, 2 do
        if more.locks[j + 1] then call('HSET', M, 'k:' .. more.locks[j], more.locks[j + 1]) else call('HDEL', M, 'k:' .. more.locks[j]) end
      end
      for j = 1, #more.blobs do
        local digest, weight, by = spread(more.blobs[j])
        local r = blob(epoch, digest)
        r[1], r[2], counted = r[1] + by, weight, true
      end
    end
    replies[#replies + 1] = 'O\0' .. remember(tok, fingerprint, kind, known and unpack('>I6', known, 2) or now, body, known, stale)
  else
    for j = nw - 4, 1, -5 do
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
    if length == #events then arms = true end -- a fork has no log before its first change
    if length >= maxlog + 128 then call('LTRIM', L, -maxlog, -1) end -- now and then, a lot at once
    for name, list in pairs(before) do
      local more, new = file(epoch, name, list, slots, many, most)
      bytes, arms = bytes + more, arms or new
    end
    if counted then
      local more, freed = count(epoch)
      bytes = bytes + more
      for i = #replies, 1, -1 do
        if freed and byte(replies[i]) == 79 then
          replies[i], freed = 'F' .. sub(replies[i], 2), false
        end
      end
    end
  end
  settle(p)
  call('HSET', M, 'h', pack(HEAD, exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch) .. sub(h, 60))
  if moved or arms then cold(now, tomb, keyed).keep(p) end -- a key that is new has no expiry yet
  if #h > 59 and nchanged > 0 and unpack('>I4', h, 60) * 1000 > now then call('PUBLISH', BELL, M) end
end
return replies
