-- Renews the head, when Redis still holds what was written. Answers with the time of this server, and
--   ok       the head is renewed
--   rebuild  something is missing: a flush, a restart, an older replica, another database
--   ahead:N  the stream goes on after our last entry, up to N: another writer is faster, or it is not
--            ours
--
-- KEYS: head, stream. ARGV: epoch, seq of the last head that was confirmed, seq of our last entry,
-- the new head as JSON, the lowest seq that the stream must keep, the time at which the clock of this
-- server has run so far ahead that single keys may have expired too soon.
local now = redis.call('TIME')[1]
local function answer(verdict) return { verdict, now } end

-- Who looks at single keys must not take the head's word for them until they are written anew.
if tonumber(now) > tonumber(ARGV[6]) then
  redis.call('DEL', KEYS[1])
  return answer('rebuild')
end

local value = redis.pcall('GET', KEYS[1])
local read, head = pcall(cjson.decode, value)
if not read or type(head) ~= 'table' or head.epoch ~= ARGV[1] then return answer('rebuild') end
local seq = tonumber(head.seq)
if not seq or seq < tonumber(ARGV[2]) then return answer('rebuild') end

local tail = redis.pcall('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if tail.err then return answer('rebuild') end
local last = tail[1] and tonumber(string.match(tail[1][1], '^%d+')) or 0
if last < tonumber(ARGV[3]) then return answer('rebuild') end
if last > tonumber(ARGV[3]) then return answer(string.format('ahead:%d', last)) end

-- A stream that was deleted and begun anew ends where it should, and begins too late.
local lowest = tonumber(ARGV[5])
local first = redis.pcall('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
if not first.err and first[1] and tonumber(string.match(first[1][1], '^%d+')) > lowest and lowest > 0 then
  return answer('rebuild')
end

-- How many entries there are; nothing where we may not ask.
local function length()
  local count = redis.pcall('XLEN', KEYS[2])
  if type(count) == 'number' then return count end
end

-- Somebody may have taken one out of the middle: there must be as many as at the last head, and those
-- that came since. When a great many came they are not counted.
local MOST = 1000
local known, there = tonumber(head.length), length()
if known and there then
  local start = string.format('%d-1', seq)
  local news = redis.call('XRANGE', KEYS[2], start, '+', 'COUNT', MOST + 1)
  if #news <= MOST and there < known + #news then return answer('rebuild') end
end

redis.call('XTRIM', KEYS[2], 'MINID', ARGV[5])
local new = cjson.decode(ARGV[4])
new.length = length()
new.generation = head.generation
redis.call('SET', KEYS[1], cjson.encode(new))
return answer('ok')
