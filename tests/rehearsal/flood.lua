-- What wrk sends in the flood: one request of a file, from many addresses in turn, some of them
-- ahead on each connection.
-- usage: wrk ... URL -- FILE AHEAD NETWORK ADDRESSES

local requests, sent = {}, 0

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    local body = file:read("*a")
    file:close()
    for i = 1, tonumber(arguments[4]) do
        local one = wrk.format("POST", nil, {
            ["Content-Type"] = "application/json",
            ["X-Forwarded-For"] = arguments[3] .. i}, body)
        requests[i] = string.rep(one, tonumber(arguments[2]))
    end
end

function request()
    sent = sent + 1
    return requests[sent % #requests + 1]
end
