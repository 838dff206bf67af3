// SPDX-License-Identifier: Apache-2.0
//
// A client that sends on a stream what HTTP/3 forbids: it borrows the keys of a connection of ours
// and puts its packets into the world itself, past the checks of the engine.
#pragma once

#include <string>
#include <string_view>

#include "engine/connection.h"
#include "io/sim/world.h"
#include "tests/support/engine_node.h"

namespace quicore::test {

class HostileClient {
 public:
  HostileClient(sim::World& world, EngineNode& client, EngineNode& server,
                engine::Connection& connection)
      : world_(world), client_(client), server_(server), connection_(connection) {}

  // Opens a bidirectional stream, sends these bytes and ends it. Lets the world run as far as
  // congestion control asks for. The bytes must outlive the connection: it may retransmit them.
  void send(std::string_view bytes);

 private:
  sim::World& world_;
  EngineNode& client_;
  EngineNode& server_;
  engine::Connection& connection_;
};

// A frame of that type (RFC 9114 7.1).
std::string http3_frame(std::uint64_t type, std::string_view payload);
// A HEADERS frame whose fields are literals without Huffman coding (RFC 9204 4.5.6), as given.
std::string http3_headers_frame(const Headers& fields);

}  // namespace quicore::test
