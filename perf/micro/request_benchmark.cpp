// SPDX-License-Identifier: Apache-2.0
//
// Requests: a whole engine asks another, in memory (connection_pair.h). What does a small request
// cost both ends together, raw and over HTTP/3, alone and with others beside it?
//
//   quicore_microbench --benchmark_filter=Request
//
// One iteration is `parallel` requests of one connection, each with an answer of 512 bytes: streams
// opened, written, received, answered, received and closed. Items are requests.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "perf/micro/connection_pair.h"

namespace quicore::perf {
namespace {

using engine::Connection;
using engine::FieldSection;
using engine::Stream;

constexpr std::size_t kAnswerSize = 512;

Buf answer() {
  static constexpr std::array<std::byte, kAnswerSize> kAnswer{};
  return Buf::borrow(kAnswer);
}

// One request, of either side: reads to the end, then does what its side does. Used again when its
// stream has closed.
class Exchange final : public engine::StreamHandler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void received(Exchange& exchange) = 0;  // all of it
    virtual void closed(Exchange& exchange, bool well) = 0;
  };

  explicit Exchange(Owner& owner) : owner_(owner) {}
  void begin(Stream& begun) {
    stream = &begun;
    bytes = 0;
    begun.set_handler(this);
  }

  Stream* stream = nullptr;
  std::size_t bytes = 0;

 private:
  void on_stream_headers(FieldSection, Headers) override {}
  void on_stream_readable() override {
    while (auto piece = stream->read()) {
      bytes += piece->data.size();
      stream->give_credit(piece->data.size());
    }
    if (stream->at_end()) owner_.received(*this);
  }
  void on_stream_stopped(std::uint64_t) override {}
  void on_stream_reset(std::uint64_t) override {}
  void on_stream_closed(const std::optional<Error>& error) override {
    owner_.closed(*this, !error);
  }

  Owner& owner_;
};

class Exchanges {
 public:
  explicit Exchanges(Exchange::Owner& owner) : owner_(owner) {}
  Exchange& begin(Stream& stream) {
    if (free_.empty()) free_.push_back(&all_.emplace_back(owner_));
    Exchange& exchange = *free_.back();
    free_.pop_back();
    exchange.begin(stream);
    return exchange;
  }
  void end(Exchange& exchange) { free_.push_back(&exchange); }

 private:
  Exchange::Owner& owner_;
  std::deque<Exchange> all_;
  std::vector<Exchange*> free_;
};

// What answers.
class Server final : public engine::EndpointHandler,
                     public engine::ConnectionHandler,
                     public Exchange::Owner {
 public:
  bool good = true;

 private:
  void on_connection(Connection& connection) override { connection.set_handler(this); }
  void on_endpoint_closed(const std::optional<Error>&) override {}
  void on_handshake_completed() override {}
  void on_stream(Stream& stream) override { exchanges_.begin(stream); }
  void on_datagram(Buf, bool) override {}
  void on_closed(const std::optional<Error>&) override { good = false; }

  void received(Exchange& exchange) override {
    static const Headers kHeaders{
        {":status", "200"}, {"content-type", "text/plain"}, {"content-length", "512"}};
    Stream& stream = *exchange.stream;
    if (stream.connection().is_http3()) {
      good = stream.send_headers(FieldSection::headers, kHeaders, false).has_value() && good;
    }
    good = stream.write(answer()).has_value() && stream.finish().has_value() && good;
  }
  void closed(Exchange& exchange, bool well) override {
    good = good && well;
    exchanges_.end(exchange);
  }

  Exchanges exchanges_{*this};
};

// What asks.
class Client final : public engine::ConnectionHandler, public Exchange::Owner {
 public:
  bool good = true;
  std::size_t answered = 0;
  std::size_t open = 0;

  void ask(Connection& connection) {
    static const Headers kHeaders{{":method", "GET"}, {":path", "/512"}, {"user-agent", "quicore"}};
    Stream& stream = *value_or_throw(connection.open_stream(false));
    exchanges_.begin(stream);
    ++open;
    if (connection.is_http3()) {
      good = stream.send_headers(FieldSection::headers, kHeaders, true).has_value() && good;
    } else {
      good =
          stream.write(Buf::borrow("GET /512")).has_value() && stream.finish().has_value() && good;
    }
  }

 private:
  void on_handshake_completed() override {}
  void on_stream(Stream&) override { good = false; }
  void on_datagram(Buf, bool) override {}
  void on_closed(const std::optional<Error>&) override { good = false; }

  void received(Exchange& exchange) override {
    ++answered;
    good = good && exchange.bytes == kAnswerSize;
  }
  void closed(Exchange& exchange, bool well) override {
    good = good && well;
    --open;
    exchanges_.end(exchange);
  }

  Exchanges exchanges_{*this};
};

void request(benchmark::State& state, const char* alpn) {
  const auto parallel = static_cast<std::size_t>(state.range(0));
  Server server;
  Client client;
  ConnectionPair pair({.alpn = alpn}, server);
  Connection& connection = pair.connect();
  connection.set_handler(&client);
  const auto failed = [&] { return !server.good || !client.good; };
  const auto ask_all = [&] {
    std::size_t left = parallel;
    return pair.turn_until([&] {
      // The server allows further streams when earlier ones have closed.
      for (; left > 0 && connection.streams_left(false) > 0; --left) client.ask(connection);
      return failed() || (left == 0 && client.open == 0);
    });
  };
  bool good = pair.turn_until([&] { return failed() || connection.handshake_confirmed(); });
  for (int warm_up = 0; warm_up < 10 && good && !failed(); ++warm_up) good = ask_all();
  if (!good || failed()) return state.SkipWithError("the first requests failed");
  const std::size_t before = client.answered;
  for (auto _ : state) good = ask_all() && good;
  const auto requests = state.iterations() * state.range(0);
  if (!good || failed() || client.answered - before != static_cast<std::size_t>(requests)) {
    return state.SkipWithError("a request was not answered");
  }
  state.SetItemsProcessed(requests);
}

void parallel(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("parallel")->Arg(1)->Arg(64)->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(request, raw, "raw")->Name("Request/raw")->Apply(parallel);
BENCHMARK_CAPTURE(request, h3, "h3")->Name("Request/h3")->Apply(parallel);

}  // namespace
}  // namespace quicore::perf
