// SPDX-License-Identifier: Apache-2.0
//
// Every kind of body: arrives whole, is not produced ahead of the stream's budget, and resets the
// stream when it fails halfway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/http3_error.h"
#include "tests/support/api_node.h"
#include "tests/support/temporary_file.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

constexpr std::size_t kPiece = 10'000;
const std::string kText = pattern(50'000);

;

// Gives `size` bytes of 'x', then fails by an exception; counts what was asked for.
class CountingBuffer final : public std::streambuf {
 public:
  CountingBuffer(std::size_t size, bool fails, std::size_t* given)
      : left_(size), fails_(fails), given_(given) {}

 private:
  std::streamsize xsgetn(char* into, std::streamsize wanted) override {
    const std::size_t count = std::min(left_, static_cast<std::size_t>(wanted));
    if (fails_ && count < static_cast<std::size_t>(wanted))
      throw std::runtime_error("the medium is gone");
    std::memset(into, 'x', count);
    left_ -= count;
    if (given_ != nullptr) *given_ += count;
    return static_cast<std::streamsize>(count);
  }
  int_type underflow() override { return traits_type::eof(); }

  std::size_t left_;
  bool fails_;
  std::size_t* given_;
};

class CountingStream final : public std::istream {
 public:
  CountingStream(std::size_t size, bool fails, std::size_t* given)
      : std::istream(nullptr), buffer_(std::make_unique<CountingBuffer>(size, fails, given)) {
    rdbuf(buffer_.get());
  }
  CountingStream(CountingStream&& other) noexcept
      : std::istream(std::move(other)), buffer_(std::move(other.buffer_)) {
    rdbuf(buffer_.get());
  }

 private:
  std::unique_ptr<CountingBuffer> buffer_;
};

struct Received {
  std::string text;
  std::optional<Error> error;
  bool ended = false;
};

// The server reads its streams when told to; the client sends bodies.
struct Bodies : ApiPair {
  std::deque<Received> received;
  std::vector<StreamEvent> events;
  bool reads = true;

  explicit Bodies(WorldOptions options, std::string alpn = "xyz") : ApiPair(std::move(options)) {
    server.endpoint.on_session() = [this](Session begun) {
      begun.on_stream() = [this](StreamEvent event) {
        events.push_back(event);
        if (reads) read(event.stream);
      };
    };
    connect(std::move(alpn));
  }
  void read(const Stream& stream) {
    auto run = [](Stream from, Received& into) -> Task<> {
      for (auto reader = from.reader();;) {
        auto chunk = co_await reader.next();
        if (!chunk) into.error = chunk.error();
        if (!chunk || !*chunk) break;
        into.text += (*chunk)->text();
      }
      into.ended = true;
    };
    server.shard().spawn(run(stream, received.emplace_back()));
  }
  Stream send(Body body, std::size_t budget = 100'000) {
    return value_or_throw(session.open({.body = std::move(body), .budget = budget}));
  }
};

// --- all arrive whole ---------------------------------------------------------------------------

struct Kind {
  const char* name;
  std::function<Body(Bodies&)> make;
  std::string expected = kText;
};

std::vector<Buf> pieces_of(std::string_view text) {
  std::vector<Buf> pieces;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), kPiece))) {
    pieces.push_back(Buf::copy(text.substr(0, kPiece)));
  }
  return pieces;
}

// Calls `give` for every piece of the text, then gives the end.
auto generator() {
  return [rest = std::string_view(kText)]() mutable -> std::optional<Buf> {
    if (rest.empty()) return std::nullopt;
    Buf piece = Buf::copy(rest.substr(0, kPiece));
    rest.remove_prefix(piece.size());
    return piece;
  };
}

auto slow_generator() {
  return [next = generator()]() mutable -> Task<Result<std::optional<Buf>>> {
    (void)co_await Shard::current().sleep_for(1ms);
    co_return next();
  };
}

template <class T>
Completion<T> later(Bodies& pair, T value) {
  Promise<T> promise(pair.client.state());
  auto set = [](Promise<T> of, T what) -> Task<> {
    (void)co_await Shard::current().sleep_for(20ms);
    of.set(std::move(what));
  };
  pair.client.shard().spawn(set(promise, std::move(value)));
  return promise.completion();
}

const TemporaryFile& file_of_text() {
  static const TemporaryFile file(kText);
  return file;
}

std::string memory_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

std::vector<Kind> kinds() {
  static const std::array<std::uint32_t, 4> numbers{1, 0x01020304, 0xffffffff, 7};
  static const std::array<double, 2> reals{0.5, -1e300};
  static const std::vector<std::byte> bytes(1000, std::byte{0xab});
  return {
      {"B1_text", [](Bodies&) { return Body(kText); }},
      {"B1_literal", [](Bodies&) { return Body("literal"); }, "literal"},
      {"B2_adopted_buffer",
       [](Bodies&) {
         auto* memory = new std::string(kText);
         return Body(
             Buf::adopt(memory->data(), memory->size(), [memory](void*) { delete memory; }));
       }},
      {"B3_array_of_numbers", [](Bodies&) { return Body(numbers); }, memory_of(numbers)},
      {"B3_array_of_reals", [](Bodies&) { return Body(reals); }, memory_of(reals)},
      {"B3_vector_of_bytes", [](Bodies&) { return Body(bytes); }, memory_of(bytes)},
      {"B4_part_of_an_array", [](Bodies&) { return Body(std::span(numbers).subspan(1, 2)); },
       memory_of(std::span(numbers).subspan(1, 2))},
      {"B5_bytes", [](Bodies&) { return Body(as_bytes(kText)); }},
      {"B5_borrowed_buffer", [](Bodies&) { return Body(Buf::borrow(kText)); }},
      {"B6_istringstream", [](Bodies&) { return Body(std::istringstream(kText)); }},
      {"B6_ifstream",
       [](Bodies&) { return Body(std::ifstream(file_of_text().path(), std::ios::binary)); }},
      {"B7_reader_of_another_stream",
       [](Bodies& pair) {
         std::optional<Stream> from;
         pair.session.on_stream() = [&](StreamEvent event) { from = event.stream; };
         static_cast<void>(
             value_or_throw(pair.accepted.open({.unidirectional = true, .body = kText})));
         pair.run_until([&] { return from.has_value(); });
         pair.session.on_stream() = nullptr;
         return from->reader().body();
       }},
      {"B8_file", [](Bodies&) { return Body(File{file_of_text().path()}); }},
      {"B8_part_of_a_file",
       [](Bodies&) {
         return Body(File{file_of_text().path(), 100, 2000});
       },
       kText.substr(100, 2000)},
      {"B8_vector_of_buffers", [](Bodies&) { return Body(pieces_of(kText)); }},
      {"B9_list_of_strings",
       [](Bodies&) {
         return Body(std::list<std::string>{"one ", "two"});
       },
       "one two"},
      {"B9_view",
       [](Bodies&) {
         return Body(std::views::iota(1, 4) |
                     std::views::transform([](int i) { return std::to_string(i); }));
       },
       "123"},
      {"B9_generator", [](Bodies&) { return Body(generator()); }},
      {"B10_asynchronous_generator", [](Bodies&) { return Body(slow_generator()); }},
      {"B11_completion_of_bytes", [](Bodies& pair) { return Body(later(pair, Buf::copy(kText))); }},
      {"B11_completion_of_a_file",
       [](Bodies& pair) { return Body(later(pair, Body(File{file_of_text().path()}))); }},
      {"B11_completion_of_a_generator",
       [](Bodies& pair) { return Body(later(pair, Body(generator()))); }},
      {"B12_function", [](Bodies&) { return Body([] { return kText; }); }},
      {"B12_function_of_a_file",
       [](Bodies&) { return Body([] { return File{file_of_text().path()}; }); }},
      {"B12_function_of_a_function",
       [](Bodies&) { return Body([] { return [] { return Result<std::string>(kText); }; }); }},
      {"B12_asynchronous_function",
       [](Bodies&) {
         return Body([]() -> Task<Result<Buf>> {
           (void)co_await Shard::current().sleep_for(1ms);
           co_return Buf::copy(kText);
         });
       }},
      {"B12_asynchronous_function_of_a_generator",
       [](Bodies&) {
         return Body([]() -> Task<Result<Body>> {
           (void)co_await Shard::current().sleep_for(1ms);
           co_return Body(slow_generator());
         });
       }},
  };
}

class SpecBodyKinds : public testing::TestWithParam<Kind> {};

// spec: B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 SO6
TEST_P(SpecBodyKinds, ArriveWholeFromTheOneWhoOpens) {
  Bodies pair(this_test());
  auto stream = pair.send(GetParam().make(pair));
  pair.run_until([&] { return !pair.received.empty() && pair.received.front().ended; });
  EXPECT_FALSE(pair.received.front().error.has_value());
  EXPECT_TRUE(pair.received.front().text == GetParam().expected);
}

// spec: B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 RO6
TEST_P(SpecBodyKinds, ArriveWholeFromTheOneWhoResponds) {
  Bodies pair(this_test());
  // The same, the other way round: the client's session serves, the server's asks.
  std::optional<Body> body = GetParam().make(pair);
  pair.session.on_stream() = [&](StreamEvent event) {
    event.stream.discard();
    EXPECT_TRUE(event.respond_with({.body = std::move(*body)}).has_value());
  };
  auto stream = value_or_throw(pair.accepted.open({.body = "please"}));
  pair.read(stream);
  pair.run_until([&] { return pair.received.back().ended; });
  EXPECT_FALSE(pair.received.back().error.has_value());
  EXPECT_TRUE(pair.received.back().text == GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(All, SpecBodyKinds, testing::ValuesIn(kinds()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// --- none runs ahead ----------------------------------------------------------------------------

struct Producer {
  const char* name;
  std::function<Body(std::size_t* given)> make;  // endless, or long
  std::size_t piece = kPiece;
};

constexpr std::size_t kLong = 3 * engine::limits::kInitialMaxStreamData;

std::optional<Buf> give(std::size_t* given) {
  if (*given >= kLong) return std::nullopt;
  *given += kPiece;
  return Buf::copy(std::string(kPiece, 'x'));
}

std::vector<Producer> producers() {
  return {
      {"B6_istream", [](std::size_t* given) { return Body(CountingStream(kLong, false, given)); },
       256 * 1024},
      {"B9_range",
       [](std::size_t* given) {
         return Body(std::views::iota(0) | std::views::transform([given](int) {
                       *given += kPiece;
                       return std::string(kPiece, 'x');
                     }));
       }},
      {"B9_generator", [](std::size_t* given) { return Body([given] { return give(given); }); }},
      {"B10_asynchronous_generator",
       [](std::size_t* given) {
         return Body([given]() -> Task<Result<std::optional<Buf>>> {
           (void)co_await Shard::current().sleep_for(1us);
           co_return give(given);
         });
       }},
      {"B12_function_of_a_generator",
       [](std::size_t* given) {
         return Body([given] { return Body([given] { return give(given); }); });
       }},
  };
}

class SpecBodyBackPressure : public testing::TestWithParam<Producer> {};

// spec: B6 B9 B10 B12
TEST_P(SpecBodyBackPressure, TheProducerIsNotRunAheadOfTheBudget) {
  constexpr std::size_t kBudget = 50'000;
  Bodies pair(this_test());
  pair.reads = false;
  std::size_t given = 0;
  auto stream = pair.send(GetParam().make(&given), kBudget);
  pair.settle(5s);
  // Nobody reads: what the peer's window takes leaves the queue, and the budget waits behind.
  EXPECT_GE(given, engine::limits::kInitialMaxStreamData);
  EXPECT_LE(given, engine::limits::kInitialMaxStreamData + kBudget + GetParam().piece);
  EXPECT_LE(stream.writer().queued(), kBudget + GetParam().piece);
  const std::size_t before = given;
  pair.read(pair.events.back().stream);
  pair.settle(5s);
  EXPECT_GT(given, before) << "goes on when the peer reads";
  stream.cancel();
  pair.settle(1s);
  const std::size_t at_the_end = given;
  pair.settle(1s);
  EXPECT_EQ(given, at_the_end) << "nothing is asked for after the end";
}

INSTANTIATE_TEST_SUITE_P(All, SpecBodyBackPressure, testing::ValuesIn(producers()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// spec: B8
TEST(SpecBodies, AFileIsReadNoFasterThanThePeerTakesIt) {
  const TemporaryFile file(std::string(kLong, 'x'));
  Bodies pair(this_test());
  pair.reads = false;
  auto stream = pair.send(File{file.path()});
  pair.settle(5s);
  EXPECT_LE(stream.writer().queued(), 100'000u + 256 * 1024);
  EXPECT_LE(stream.stats().bytes_sent, engine::limits::kInitialMaxStreamData);
  pair.read(pair.events.back().stream);
  pair.run_until([&] { return pair.received.back().ended; });
  EXPECT_EQ(pair.received.back().text.size(), kLong);
}

// spec: B7
TEST(SpecBodies, AReaderPassesBackPressureThrough) {
  Bodies pair(this_test());
  pair.reads = false;
  std::optional<Stream> from;
  pair.session.on_stream() = [&](StreamEvent event) { from = event.stream; };
  auto source = value_or_throw(
      pair.accepted.open({.unidirectional = true, .body = std::string(2 * kLong, 'x')}));
  pair.run_until([&] { return from.has_value(); });
  auto stream = pair.send(from->reader().body());
  pair.settle(10s);
  const std::uint64_t held = source.stats().max_offset_acknowledged;
  EXPECT_LE(held, 2 * engine::limits::kInitialMaxStreamData + 1'000'000) << "two windows";
  pair.read(pair.events.back().stream);
  pair.run_until([&] { return pair.received.back().ended; });
  EXPECT_EQ(pair.received.back().text.size(), 2 * kLong);
}

// --- each fails halfway -------------------------------------------------------------------------

struct Failure {
  const char* name;
  std::function<Body(Bodies&)> make;
  const char* reason;  // what closed() says at the sender
};

auto failing_generator() {
  return [i = 0]() mutable -> Result<std::optional<Buf>> {
    if (i++ == 3) return failure(Errc::system, "the disk is gone");
    return Buf::copy(std::string(kPiece, 'x'));
  };
}

std::vector<Failure> failures() {
  return {
      {"B6_istream", [](Bodies&) { return Body(CountingStream(600'000, true, nullptr)); },
       "std::istream"},
      {"B7_reader",
       [](Bodies& pair) {
         std::optional<Stream> from;
         pair.session.on_stream() = [&](StreamEvent event) { from = event.stream; };
         auto stream =
             value_or_throw(pair.accepted.open({.unidirectional = true, .body = Body::streamed()}));
         const Buf half = Buf::copy("half");
         EXPECT_TRUE(stream.writer().try_write({&half, 1}).has_value());
         pair.run_until([&] { return from.has_value(); });
         pair.session.on_stream() = nullptr;
         return from->reader().body();  // its sender is dropped: a reset
       },
       "RESET_STREAM"},
      {"B8_file_that_is_missing", [](Bodies&) { return Body(File{"/nonexistent"}); },
       "/nonexistent"},
      {"B8_file_that_is_too_short",
       [](Bodies&) {
         return Body(File{file_of_text().path(), 0, 1'000'000});
       },
       "bytes"},
      {"B9_generator", [](Bodies&) { return Body(failing_generator()); }, "the disk is gone"},
      {"B9_range_that_throws",
       [](Bodies&) {
         return Body(std::views::iota(0) | std::views::transform([](int i) {
                       if (i == 3) throw std::runtime_error("no fourth");
                       return std::string(kPiece, 'x');
                     }));
       },
       "threw"},
      {"B10_asynchronous_generator",
       [](Bodies&) {
         return Body([next = failing_generator()]() mutable -> Task<Result<std::optional<Buf>>> {
           (void)co_await Shard::current().sleep_for(1ms);
           co_return next();
         });
       },
       "the disk is gone"},
      {"B10_asynchronous_generator_that_throws",
       [](Bodies&) {
         return Body([i = 0]() mutable -> Task<Result<std::optional<Buf>>> {
           if (i++ == 3) throw std::runtime_error("gone");
           co_return Buf::copy("piece");
         });
       },
       "threw"},
      {"B11_completion_that_fails",
       [](Bodies& pair) {
         const Promise<Buf> promise(pair.client.state());
         promise.set(failure(Errc::system, "no luck"));
         return Body(promise.completion());
       },
       "no luck"},
      {"B11_promise_that_is_dropped",
       [](Bodies& pair) {
         const Promise<Body> promise(pair.client.state());
         return Body(promise.completion());
       },
       "dropped"},
      {"B11_completion_of_a_body_that_fails",
       [](Bodies& pair) { return Body(later(pair, Body(failing_generator()))); },
       "the disk is gone"},
      {"B12_function_that_throws",
       [](Bodies&) { return Body([]() -> std::string { throw std::runtime_error("never"); }); },
       "threw"},
      {"B12_function_that_fails",
       [](Bodies&) { return Body([]() -> Result<Buf> { return failure(Errc::system, "no"); }); },
       "no"},
      {"B12_asynchronous_function",
       [](Bodies&) {
         return Body([]() -> Task<Result<Buf>> {
           (void)co_await Shard::current().sleep_for(1ms);
           co_return failure(Errc::system, "not today");
         });
       },
       "not today"},
  };
}

class SpecBodyFailures : public testing::TestWithParam<Failure> {};

// spec: B6 B7 B8 B9 B10 B11 B12
TEST_P(SpecBodyFailures, ResetTheStreamWithACodeAndNothingHangs) {
  for (const std::string alpn : {"xyz", "h3"}) {
    if (alpn == "h3" && GetParam().name == std::string("B7_reader")) continue;  // needs raw streams
    Bodies pair(this_test(), alpn);
    auto stream = pair.send(GetParam().make(pair));
    const auto closed = stream.closed();
    pair.settle(1s);
    if (!pair.received.empty()) {  // HTTP/3 shows no stream whose headers did not leave
      ASSERT_TRUE(pair.received.front().ended);
      ASSERT_TRUE(pair.received.front().error.has_value()) << "half a body looked whole";
      EXPECT_EQ(pair.received.front().error->kind, Errc::peer_reset);
      EXPECT_EQ(pair.received.front().error->code, alpn == "h3" ? http3::kInternalError : 0u);
    }
    EXPECT_TRUE(alpn == "h3" || pair.received.size() == 1);
    const std::size_t seen = pair.received.size();
    stream.stop_sending(0);
    pair.events.clear();
    pair.run_until([&] { return closed.ready(); });
    ASSERT_FALSE(closed.peek()->has_value());
    EXPECT_THAT(closed.peek()->error().reason, testing::HasSubstr(GetParam().reason));
    // The session goes on.
    pair.send("the next").discard();
    pair.run_until([&] { return pair.received.size() == seen + 1 && pair.received.back().ended; });
    EXPECT_EQ(pair.received.back().text, "the next");
  }
}

INSTANTIATE_TEST_SUITE_P(All, SpecBodyFailures, testing::ValuesIn(failures()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// spec: B8
TEST(SpecBodies, AFileThatShrinksWhileItIsSentResetsTheStream) {
  const TemporaryFile file(std::string(kLong, 'x'));
  Bodies pair(this_test());
  pair.reads = false;
  auto stream = pair.send(File{file.path()});
  pair.settle(2s);
  file.cut();
  pair.read(pair.events.back().stream);
  pair.run_until([&] { return pair.received.back().ended; });
  EXPECT_EQ(pair.received.back().error.value().kind, Errc::peer_reset);
}

// spec: B1 B2 B3 B4 B5
TEST(SpecBodies, MemoryThatThePeerDoesNotWantIsReleased) {
  Bodies pair(this_test());
  pair.reads = false;
  bool released = false;
  static char memory[5'000'000];
  auto stream = pair.send(Buf::adopt(memory, sizeof(memory), [&](void*) { released = true; }));
  pair.settle(2s);
  EXPECT_FALSE(released) << "the window is smaller";
  pair.events.back().stream.cancel(Error::application(66, "too much"));
  const auto closed = stream.closed();
  stream.discard();
  pair.run_until([&] { return closed.ready(); });
  EXPECT_EQ(closed.peek()->error().code, 66u);
  EXPECT_TRUE(released);
}

}  // namespace
}  // namespace quicore::test
