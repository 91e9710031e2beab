-- Asks for one path, or for those in a file in random order, and reports as one line of JSON.
-- wrk ... -s http-load.lua URL [FILE]
local paths = {}

function init(args)
  math.randomseed(1)
  if args[1] then
    for line in io.lines(args[1]) do paths[#paths + 1] = line end
    request = function() return wrk.format(nil, paths[math.random(#paths)]) end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"errors":%d,"p50Us":%d,"p99Us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
