-- wrk: what the server can do. Every request is for another ID.
local sent = 0
local headers = { ["Authorization"] = "Bearer " .. os.getenv("API_KEY") }

function request()
  sent = sent + 1
  return wrk.format("DELETE", string.format("/api/v3/responses/resp_%051x", sent), headers)
end
