-- reborn prepares the keyed answers for a session whose id was in use before,
-- exp being when that session expired, nil if nothing is left of it. Its answers
-- are given until its tombstone is over, and no longer because the id lives
-- again; those that lookup read do not count any more.
local function reborn(exp)
  if not stated then state() end
  if exp then
    ends = exp + tomb
  elseif ends == 0 then
    local d = call('GET', D)
    ends = d and d + tomb or 0
  end
  if ends <= now then
    call('UNLINK', X, XO)
    incarnation, weight, oldest = 0, nil, 0
  elseif weight then
    call('HSET', X, 'g' .. incarnation, string.format('%d', ends))
    for _ = 1, 2 do -- two out for one in
      local g = call('HGET', X, 'g' .. oldest)
      if not g or tonumber(g) > now then break end
      call('HDEL', X, 'g' .. oldest)
      oldest = oldest + 1
    end
    incarnation, weight = incarnation + 1, 0
    call('HSET', X, 's', pack(STATE, incarnation, 0, 0, oldest))
  end
  ends = 0
end
