// SPDX-License-Identifier: Apache-2.0
//
// What quicore-server answers, by application protocol. Each function handles one stream the client
// opened, on the stream's shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "api/body.h"
#include "api/session.h"
#include "api/stream.h"
#include "tools/server/access_log.h"
#include "tools/server/file_site.h"
#include "tools/server/recent_files.h"

namespace quicore::tools {

struct Web {
  FileSite files;
  std::optional<AccessLog> log;
  mutable std::vector<RecentFiles> recent{};  // by the shard's index, each for its thread alone

  RecentFile& look_up(std::string_view target) const;
};

void serve_http3(const Web& web, StreamEvent event);     // h3
void serve_hq(const FileSite& site, StreamEvent event);  // hq-interop: "GET /path\r\n"
void serve_echo(StreamEvent event);                      // quicore-echo
void serve_perf(StreamEvent event);                      // quicore-perf

// `count` zero bytes from one static buffer: nothing is allocated or copied per piece.
Body zeros(std::uint64_t count);

// Chooses by the session's ALPN; also echoes datagrams on quicore-echo. `web` outlives it.
void serve_session(const Web& web, const Session& session);

}  // namespace quicore::tools
