-- Adds entries to the stream, and to the single keys. Any number of times and by any number of
-- writers: the stream takes each number once, and a single key is never lowered.
--
-- KEYS: the stream, then the single key of each entry, or none of them.
-- ARGV: seconds that a single key outlives its entry, the time of the provider, then of each entry:
--       seq, kind, key, not_before (empty for a jti), expires_at.
local tail = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local last = tail[1] and tonumber(string.match(tail[1][1], '^%d+')) or 0

-- A number of seconds that can be a time; anything may lie in a key that others can write.
local function time(value)
  local number = tonumber(value)
  if number and number >= 0 and number < 5000000000 then return math.floor(number) end
end

-- The number in a single key, and how many seconds it will stay.
local function stored(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then
    redis.call('DEL', key)
    return 0, 0
  end
  return time(value) or 0, redis.call('TTL', key)
end

-- Keys expire by the clock of this server: what it is ahead, they must outlive their entries more.
local now = tonumber(redis.call('TIME')[1])
local margin = tonumber(ARGV[1]) + math.max(0, now - tonumber(ARGV[2]))

-- Writes the single key of an entry.
local function mark(single, not_before, expires_at)
  local old, stays = stored(single)
  local value = not_before ~= '' and not_before or expires_at
  value = string.format('%d', math.max(tonumber(value), old))
  local expires = tonumber(expires_at) + margin
  if stays > expires - now then
    redis.call('SET', single, value, 'KEEPTTL')
  else
    redis.call('SET', single, value, 'EXAT', expires)
  end
end

for i = 1, (#ARGV - 2) / 5 do
  local at = 3 + (i - 1) * 5
  local seq, kind, key, not_before, expires_at = unpack(ARGV, at, at + 4)
  if tonumber(seq) > last then
    redis.call('XADD', KEYS[1], seq .. '-0', 'kind', kind, 'key', key,
      'not_before', not_before, 'expires_at', expires_at)
    last = tonumber(seq)
  end
  if KEYS[i + 1] then mark(KEYS[i + 1], not_before, expires_at) end
end
return 'ok'
