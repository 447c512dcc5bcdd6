-- The list of sessions: hints in a slot of their own, never the truth.
-- KEYS 1 o  set of owners  2 c  zset id -> microsecond of its creation  3 e  zset id -> ms when to look whether it still lives
-- ARGV 1 clock offset ms  2 what to do, and its particulars:
--   "add" owner id ms       before a session is created; returns {"1"|"0": it is a new hint}
--   "again" id              an id that was known was created anew: it moves to the end
--   "soon" id               look soon, and once more if somebody is about to look or does so just now: what this is about may come later
--   "list" score id count   hints after that one; returns {now, id, score, ...}
--   "due" count             hints to look at; returns {now, id, score, ...}
--   "settle" owner id seen next... for each whose look-time is still the one seen: look again at next, or drop it when
--                           next is "", and the owner with the last one; returns {dropped}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
local micro = t[1] .. string.format('%06d', t[2])
local O, C, E = KEYS[1], KEYS[2], KEYS[3]
local again = 60000 -- when to look once more
local grace = 5000 -- longer than a creation takes, so a hint is not dropped before its session is there
local what = ARGV[2]
if what == 'add' then
  redis.call('SADD', O, ARGV[3])
  local new = redis.call('ZADD', C, 'NX', micro, ARGV[4])
  redis.call('ZADD', E, now + math.max(tonumber(ARGV[5]), grace), ARGV[4])
  return {tostring(new)}
elseif what == 'again' then
  redis.call('ZADD', C, 'XX', micro, ARGV[3])
  return {}
elseif what == 'soon' then
  local at = redis.call('ZSCORE', E, ARGV[3])
  if at then
    -- What is nearer is not put off, or it would be for ever where hints come all
    -- the time. The half tells settle to come again.
    at = tonumber(at)
    at = at > now + grace and now + grace or math.ceil(at) - 0.5
    redis.call('ZADD', E, 'XX', string.format('%.1f', at), ARGV[3])
  end
  return {}
elseif what == 'list' then
  local out = {tostring(now)}
  local from, id, count = ARGV[3], ARGV[4], tonumber(ARGV[5])
  local skip = 0
  while #out < 1 + 2 * count do
    local r = redis.call('ZRANGE', C, from, '+inf', 'BYSCORE', 'LIMIT', skip, count, 'WITHSCORES')
    for i = 1, #r, 2 do
      -- Equal scores are in the order of the ids, which is how Redis sorts them.
      if not (r[i + 1] == from and r[i] <= id) and #out < 1 + 2 * count then
        out[#out + 1] = r[i]
        out[#out + 1] = r[i + 1]
      end
    end
    if #r < 2 * count then break end
    skip = skip + count
  end
  return out
elseif what == 'due' then
  local out = {tostring(now)}
  for _, s in ipairs(redis.call('ZRANGE', E, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')) do out[#out + 1] = s end
  return out
elseif what == 'settle' then
  local dropped = 0
  for i = 4, #ARGV, 3 do
    if redis.call('ZSCORE', E, ARGV[i]) == ARGV[i + 1] then
      if ARGV[i + 2] == '' then
        redis.call('ZREM', E, ARGV[i])
        redis.call('ZREM', C, ARGV[i])
        dropped = dropped + 1
      else
        local at = tonumber(ARGV[i + 2])
        if string.find(ARGV[i + 1], '.', 1, true) then at = math.min(at, now + again) end
        redis.call('ZADD', E, string.format('%.0f', at), ARGV[i])
      end
    end
  end
  if redis.call('EXISTS', E) == 0 then redis.call('SREM', O, ARGV[3]) end
  return {tostring(dropped)}
end
return redis.error_reply('ERR unknown index operation')
