// SPDX-License-Identifier: Apache-2.0
//
// An ApiPair whose server keeps the streams that clients open.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/api_node.h"

namespace quicore::test {

struct KeptStreams : ApiPair {
  std::vector<StreamEvent> events;

  explicit KeptStreams(sim::WorldOptions options,
                       const sim::Path& path = {sim::Delay{std::chrono::milliseconds(5)}})
      : ApiPair(std::move(options), path) {
    server.endpoint.on_session() = [this](Session begun) {
      begun.on_stream() = [this](StreamEvent event) { events.push_back(std::move(event)); };
    };
  }
  // Opens a stream that the server has seen.
  Stream open(StreamOptions options) {
    const std::size_t before = events.size();
    auto stream = value_or_throw(session.open(std::move(options)));
    run_until([&] { return events.size() > before; });
    return stream;
  }
};

}  // namespace quicore::test
