-- What variables were before.
--
-- H has for each variable o<name>, the open segment: its number (4 bytes), what
-- all kept versions weigh outside of the segments (6), how many it has (1), and
-- then the records themselves, oldest first, each with its length (2 bytes)
-- before it. A full one moves to s<number modulo slots><name>, where it replaces
-- the one that is too old, so that a write costs the part of a segment. The
-- payload of a long record is in #<version, 6 bytes><name>, and the record's
-- codec is r; the bytes of a tensor are a blob. Those two are what weighs.
local FULL, LONG = 8, 512

-- References to blobs: digest -> {references, size, whether it is known}.
-- Numbers that change in this run; settled by count.
local refs, counted = {}, false

-- era is what a session's holdings begin with.
local eras
local function era(epoch)
  if not eras then eras = call('HGET', M, 'b') or epoch end
  return eras
end

-- blob returns what there is to know of a blob.
local function blob(epoch, digest)
  local r = refs[digest]
  if not r then
    local known = call('HGET', B, era(epoch) .. digest)
    r = {0, 0, known and true or false}
    if known then r[1], r[2] = unpack('>I4I6', known) end
    r.was = r[1]
    refs[digest] = r
  end
  return r
end

-- count writes the references that changed; it returns what the session's bytes
-- grow by, and whether something is of no use any more.
local function count(epoch)
  local grown, freed = 0, false
  epoch = era(epoch)
  local t = call('HGET', B, epoch .. 's')
  local seq, blobs, weight = 0, 0, 0
  if t then seq, blobs, weight = unpack(TALLY, t) end
  for digest, r in pairs(refs) do
    if r[1] ~= r.was then
      if r.was == 0 then blobs, weight, grown = blobs + 1, weight + r[2], grown + r[2] end
      if r[1] == 0 then blobs, weight, grown, freed = blobs - 1, weight - r[2], grown - r[2], true end
      call('HSET', B, epoch .. digest, pack('>I4I6I6', r[1], r[2], r[1] == 0 and now or 0))
    end
  end
  call('HSET', B, epoch .. 's', pack(TALLY, seq, blobs, weight))
  return grown, freed
end

-- heavy returns what is needed for records that are long or tensors, and for a
-- session that is about full. grown is by how much what is kept outside of
-- segments, blobs aside, has grown.
local file
local function heavy(epoch, name)
  local self = {grown = 0}

  -- head returns a record's type, codec and version, and where its payload is.
  local function head(rec)
    local typ, codec, flag, version, _, _, size = unpack('>BBBI6I6I6B', rec)
    local at = 23 + size
    if flag == 43 or flag == 75 then
      local cl, ml = unpack('>I2I2', rec, at)
      at = at + 4 + cl + ml
    end
    return typ, codec, version, at
  end

  -- place stores what a record has outside of it, and returns the record that
  -- goes into a segment, and what weighs.
  function self.place(rec)
    local typ, _, version, at = head(rec)
    if typ == 116 then return rec, (unpack('>I6', rec, at + 32)) end -- t
    call('HSET', H, '#' .. pack('>I6', version) .. name, sub(rec, at))
    self.grown = self.grown + #rec - at + 1
    return sub(rec, 1, 1) .. 'r' .. sub(rec, 3, at - 1), #rec - at + 1
  end

  -- release drops what a segment's record has outside of it, and returns what
  -- it weighed.
  function self.release(rec)
    local typ, codec, version, at = head(rec)
    if codec == 114 then -- r
      local field = '#' .. pack('>I6', version) .. name
      local weight = call('HSTRLEN', H, field)
      call('HDEL', H, field)
      self.grown = self.grown - weight
      return weight
    elseif typ == 116 then
      local digest, weight = unpack('>c32I6', rec, at)
      local r = blob(epoch, digest)
      r[1], counted = r[1] - 1, true
      return weight
    end
    return 0
  end

  -- records appends a segment's records to a list.
  function self.records(text, at, out)
    while at <= #text do
      local rec
      rec, at = unpack('>I2c0', text, at)
      out[#out + 1] = rec
    end
  end

  -- drop forgets all versions, and returns how much that was.
  function self.drop(slots, list)
    local fields, size = {'o' .. name}, 0
    for i = 0, slots - 1 do fields[i + 2] = 's' .. string.char(i) .. name end
    local texts, out = call('HMGET', H, spread(fields)), {}
    for i = 1, #fields do
      if texts[i] then
        size = size + #texts[i]
        self.records(texts[i], i == 1 and 12 or 1, out)
      end
    end
    for i = 1, #out do self.release(out[i]) end
    for i = 1, #list do
      if string.byte(list[i]) == 116 then self.release(list[i]) end
    end
    if size > 0 then
      call('HDEL', H, spread(fields))
      size = size + 32 + #name -- as file counted it
    end
    return size - self.grown
  end

  -- trim drops the oldest until what is left is not too many, nor weighs too
  -- much. It returns the open segment anew, and how much it dropped.
  function self.trim(seg, entries, weight, slots, many, most)
    local out, dropped = {}, 0
    for i = seg - slots, seg - 1 do
      local text = i >= 0 and call('HGET', H, 's' .. string.char(i % slots) .. name)
      if text then
        dropped = dropped + #text
        self.records(text, 1, out)
        call('HDEL', H, 's' .. string.char(i % slots) .. name)
      end
    end
    self.records(entries, 1, out)
    local from = 1
    while from <= #out and (weight > most or #out - from + 1 > many) do
      weight = weight - self.release(out[from])
      from = from + 1
    end
    local parts = {}
    for i = from, #out do
      parts[#parts + 1] = pack('>I2c0', #out[i], out[i])
      if #parts == FULL then
        local text = table.concat(parts)
        call('HSET', H, 's' .. string.char(seg % slots) .. name, text)
        seg, parts, dropped = seg + 1, {}, dropped - #text
      end
    end
    return seg, weight, #parts, table.concat(parts), dropped
  end

  -- ahead returns what the session's bytes are going to grow by through its
  -- history and its blobs: by the records in before, by the first n of writes, as
  -- apply.lua has both, and by the references in uses. It leaves everything as it
  -- was: what it writes into H nobody else sees.
  function self.ahead(before, writes, n, uses, slots, many, most)
    local real, over, was, touched = call, {}, {}, counted
    local function get(field)
      if over[field] == nil then over[field] = real('HGET', H, field) end
      return over[field]
    end
    call = function(command, key, ...)
      if key ~= H then return real(command, key, ...) end
      local fields, out = {...}, {}
      if command == 'HSET' then
        local new = get(fields[1]) and 0 or 1
        over[fields[1]] = fields[2]
        return new
      end
      for i, field in ipairs(fields) do
        if command == 'HDEL' then over[field] = false else out[i] = get(field) end
      end
      return command == 'HMGET' and out or command == 'HSTRLEN' and #(out[1] or '') or out[1]
    end
    for digest, r in pairs(refs) do was[digest] = r[1] end
    local lists, grown = {}, 0
    for old, list in pairs(before) do lists[old] = {spread(list)} end
    for i = 1, n, 5 do
      local written, rec = writes[i], writes[i + 4]
      if string.byte(writes[i + 1], 3) == 120 or rec == true then -- x
        grown = grown - heavy(epoch, written).drop(slots, lists[written] or {})
        lists[written] = nil
      elseif rec then
        local list = lists[written] or {}
        lists[written], list[#list + 1] = list, rec
      end
    end
    for _, use in ipairs(uses) do
      local r = blob(epoch, use[1])
      r[1], r[2] = r[1] + use[3], use[2]
    end
    for old, list in pairs(lists) do grown = grown + file(epoch, old, list, slots, many, most) end
    for digest, r in pairs(refs) do
      if r.was == 0 and r[1] > 0 then grown = grown + r[2] elseif r.was > 0 and r[1] == 0 then grown = grown - r[2] end
      r[1] = was[digest] or r.was
    end
    call, counted = real, touched
    return grown
  end
  return self
end

-- file adds records, oldest first, to what a variable was before; most is what
-- may weigh and many how many can be seen: of those that take much, no others are
-- kept. It returns by how much the history grew, and whether the variable had none.
function file(epoch, name, list, slots, many, most)
  local byte, concat = string.byte, table.concat
  local open = call('HGET', H, 'o' .. name)
  local seg, weight, n, parts, np, grown = 0, 0, 0, {}, 0, 0
  if open then
    seg, weight, n = unpack('>I4I6B', open)
    parts[1], np, grown = sub(open, 12), 1, -#open
  else
    grown = 32 + #name
  end
  local cold
  for i = 1, #list do
    local rec = list[i]
    if #rec > LONG or byte(rec) == 116 then
      cold = cold or heavy(epoch, name)
      local w
      rec, w = cold.place(rec)
      weight = weight + w
    end
    parts[np + 1], parts[np + 2] = pack('>I2', #rec), rec
    np, n = np + 2, n + 1
    if n == FULL then
      local field, text = 's' .. string.char(seg % slots) .. name, concat(parts, '', 1, np)
      if seg < slots then -- the first of its place
      elseif weight > 0 then
        local old = call('HGET', H, field)
        if old then
          grown = grown - #old
          cold = cold or heavy(epoch, name)
          local out = {}
          cold.records(old, 1, out)
          for j = 1, #out do weight = weight - cold.release(out[j]) end
        end
      else
        grown = grown - call('HSTRLEN', H, field)
      end
      call('HSET', H, field, text)
      grown = grown + #text
      seg, n, np = seg + 1, 0, 0
    end
  end
  local entries = concat(parts, '', 1, np)
  if weight > 0 and (weight > most or n + FULL * math.min(seg, slots) > many) then
    cold = cold or heavy(epoch, name)
    local dropped
    seg, weight, n, entries, dropped = cold.trim(seg, entries, weight, slots, many, most)
    grown = grown - dropped
  end
  open = pack('>I4I6B', seg, weight, n) .. entries
  local new = call('HSET', H, 'o' .. name, open)
  return grown + #open + (cold and cold.grown or 0), new == 1
end
