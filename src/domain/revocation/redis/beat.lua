-- Renews the head, when Redis still holds what was written. Answers
--   ok       the head is renewed
--   rebuild  something is missing: a flush, a restart, an older replica, another database
--   ahead    the stream goes on after our last entry: another writer is faster, or it is not ours
--
-- KEYS: head, stream. ARGV: epoch, seq of the last head that was confirmed, seq of our last entry,
-- the new head as JSON, the lowest seq that the stream must keep.
local value = redis.pcall('GET', KEYS[1])
local read, head = pcall(cjson.decode, value)
if not read or type(head) ~= 'table' or head.epoch ~= ARGV[1] then return 'rebuild' end
local seq = tonumber(head.seq)
if not seq or seq < tonumber(ARGV[2]) then return 'rebuild' end

local tail = redis.pcall('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if tail.err then return 'rebuild' end
local last = tail[1] and tonumber(string.match(tail[1][1], '^%d+')) or 0
if last < tonumber(ARGV[3]) then return 'rebuild' end
if last > tonumber(ARGV[3]) then return 'ahead' end

-- A stream that was deleted and begun anew ends where it should, and begins too late.
local lowest = tonumber(ARGV[5])
local first = redis.pcall('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
if not first.err and first[1] and tonumber(string.match(first[1][1], '^%d+')) > lowest and lowest > 0 then
  return 'rebuild'
end

redis.call('SET', KEYS[1], ARGV[4])
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[5])
return 'ok'
