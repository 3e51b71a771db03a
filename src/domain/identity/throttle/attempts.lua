-- Counts attempts under any number of names. A name holds "COUNT END": so many attempts, until the
-- window ends at END in unix seconds of the provider's clock.
--
-- KEYS: the names. ARGV: the provider's now, then of each name: what is added, the limit (-1: none),
--       how long a window is, and what the asking instance knows: attempts, and when they end.
-- Answers of each name three numbers: whether it was added, how many there are, when they end.
--
-- More than the limit is not added. Nothing is taken off a name that is not there. A name that was
-- lost is begun with what the instance knows.
local SKEW, MARGIN, MOST = 60, 10, 1000000000
local now = tonumber(ARGV[1])
local answers = {}

-- What a name holds. Anything may lie in a key that others can write.
local function held(key, window)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'string' then return end
  local count, ends = string.match(value, '^(%d+) (%d+)$')
  count, ends = tonumber(count), tonumber(ends)
  if count and count <= MOST and ends <= now + window + SKEW then return count, ends end
end

for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 5
  local add, limit, window = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local count, ends = held(key, window)
  if not count and add > 0 then
    count, ends = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  end
  if add > 0 and ends <= now then
    count, ends = 0, now + window
  end
  local added = count and ends > now and (limit < 0 or count + add <= limit)
  if added then
    count = math.min(math.max(count + add, 0), MOST)
    redis.call('SET', key, string.format('%d %d', count, ends), 'EX', ends - now + MARGIN)
  end
  table.insert(answers, added and 1 or 0)
  table.insert(answers, count or 0)
  table.insert(answers, ends or 0)
end
return answers
