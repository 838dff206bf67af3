// SPDX-License-Identifier: Apache-2.0
//
// HTTP fields: from the Headers a user gives to field lines (engine/http3_fields.h), from those to
// QPACK and back, with the settings and the memory that the engine gives nghttp3. How much of a
// request's time are its fields, and what does the dynamic table give?
//
//   quicore_microbench --benchmark_filter='Headers/|FieldLines|Qpack'
//
// One iteration is one field section: a browser's request of 11 lines, a response of 6. Paths and
// lengths differ from one to the next, as they do; the rest repeats. `bytes_per_section` is what of
// it is sent.
#include <benchmark/benchmark.h>
#include <nghttp3/nghttp3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/headers.h"
#include "engine/http3_fields.h"
#include "engine/limits.h"
#include "engine/shard_heap.h"

namespace quicore::engine {
namespace {

constexpr std::size_t kSections = 64;  // different ones, before they repeat

Headers request_headers(std::size_t number) {
  return {{":method", "GET"},
          {":authority", "www.example.com"},
          {":path", "/assets/images/" + std::to_string(100'000 + number * 7) + ".webp"},
          {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
          {"accept", "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"},
          {"accept-language", "en-US,en;q=0.5"},
          {"accept-encoding", "gzip, deflate, br, zstd"},
          {"referer", "https://www.example.com/gallery/index.html"},
          {"cookie", "session=7fGh2kL9mNpQrStUvWxYz0123456789; theme=dark; consent=1"},
          {"priority", "u=5, i"}};
}

Headers response_headers(std::size_t number) {
  return {{":status", "200"},
          {"content-type", "image/webp"},
          {"content-length", std::to_string(20'000 + number * 13)},
          {"cache-control", "public, max-age=31536000"},
          {"last-modified", "Mon, 03 Jun 2024 10:11:12 GMT"},
          {"server", "quicore"}};
}

enum class Message : std::uint8_t { request, response };

Headers make_headers(Message message, std::size_t number) {
  return message == Message::request ? request_headers(number) : response_headers(number);
}

bool complete(Message message, const Headers& headers, FieldLines& lines) {
  return message == Message::request
             ? complete_request(headers, "www.example.com", lines).has_value()
             : complete_response(headers, FieldSection::headers, lines).has_value();
}

// --- Headers and FieldLines -------------------------------------------------------------------------

// What a user of the library does.
void build(benchmark::State& state, Message message) {
  std::size_t number = 0;
  for (auto _ : state) {
    const Headers headers = make_headers(message, number++ % kSections);
    benchmark::DoNotOptimize(headers.size());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(build, request, Message::request)->Name("Headers/build/request");
BENCHMARK_CAPTURE(build, response, Message::response)->Name("Headers/build/response");

// What the engine checks and completes.
void complete_each(benchmark::State& state, Message message) {
  const Headers headers = make_headers(message, 0);
  std::size_t failed = 0;
  for (auto _ : state) {
    FieldLines lines;
    failed += complete(message, headers, lines) ? 0 : 1;
    benchmark::DoNotOptimize(lines.data());
  }
  if (failed != 0) state.SkipWithError("the fields were refused");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(complete_each, request, Message::request)->Name("FieldLines/complete/request");
BENCHMARK_CAPTURE(complete_each, response, Message::response)->Name("FieldLines/complete/response");

// --- QPACK ------------------------------------------------------------------------------------------

// Bytes that nghttp3 appends to.
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { nghttp3_buf_free(&buf_, http3_memory()); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  nghttp3_buf* get() noexcept { return &buf_; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(buf_.last - buf_.pos); }
  const std::uint8_t* data() const noexcept { return buf_.pos; }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(buf_.pos), size()};
  }
  void clear() noexcept { nghttp3_buf_reset(&buf_); }

 private:
  nghttp3_buf buf_{};
};

template <class T, void (*kDelete)(T*)>
struct Deleter {
  void operator()(T* object) const noexcept { kDelete(object); }
};
using Encoder = std::unique_ptr<nghttp3_qpack_encoder,
                                Deleter<nghttp3_qpack_encoder, nghttp3_qpack_encoder_del>>;
using Decoder = std::unique_ptr<nghttp3_qpack_decoder,
                                Deleter<nghttp3_qpack_decoder, nghttp3_qpack_decoder_del>>;
using StreamContext =
    std::unique_ptr<nghttp3_qpack_stream_context,
                    Deleter<nghttp3_qpack_stream_context, nghttp3_qpack_stream_context_del>>;

constexpr std::int64_t kStream = 0;  // each section is acknowledged before the next

// The encoder of one side and the decoder of the other, with nothing lost or late between them.
class Qpack {
 public:
  explicit Qpack(std::size_t table_capacity) {
    nghttp3_qpack_encoder* encoder = nullptr;
    nghttp3_qpack_decoder* decoder = nullptr;
    nghttp3_qpack_stream_context* stream = nullptr;
    const bool made =
        nghttp3_qpack_encoder_new2(&encoder, table_capacity, 1, http3_memory()) == 0 &&
        nghttp3_qpack_decoder_new(&decoder, table_capacity, limits::kQpackBlockedStreams,
                                  http3_memory()) == 0 &&
        nghttp3_qpack_stream_context_new(&stream, kStream, http3_memory()) == 0;
    QUICORE_CHECK(made);
    encoder_.reset(encoder);
    decoder_.reset(decoder);
    stream_.reset(stream);
    nghttp3_qpack_encoder_set_max_dtable_capacity(encoder, table_capacity);
    nghttp3_qpack_encoder_set_max_blocked_streams(encoder, limits::kQpackBlockedStreams);
  }

  bool encode(const FieldLines& lines) noexcept {
    prefix_.clear();
    section_.clear();
    return nghttp3_qpack_encoder_encode(encoder_.get(), prefix_.get(), section_.get(),
                                        encoder_stream_.get(), kStream, lines.data(),
                                        lines.size()) == 0;
  }
  // What was encoded last.
  std::string encoded() const {
    std::string text(prefix_.text());
    return text.append(section_.text());
  }
  // The decoder learns what the encoder put into the table.
  bool tell_decoder() noexcept {
    const auto size = static_cast<nghttp3_ssize>(encoder_stream_.size());
    const bool done = nghttp3_qpack_decoder_read_encoder(decoder_.get(), encoder_stream_.data(),
                                                         encoder_stream_.size()) == size;
    encoder_stream_.clear();
    return done;
  }
  // A Section Acknowledgment (RFC 9204 4.4.1) for what was encoded last, if it needs one: when its
  // Required Insert Count, the first byte, is not 0. The encoder would remember it for ever.
  bool acknowledge() noexcept {
    if (prefix_.data()[0] == 0) return true;
    constexpr std::uint8_t kAcknowledgment = 0x80 | kStream;
    return nghttp3_qpack_encoder_read_decoder(encoder_.get(), &kAcknowledgment, 1) == 1;
  }

  // `line(name, value)` for each. Returns how many there were; 0 when it failed.
  template <class Line>
  std::size_t decode(const std::string& encoded, Line&& line) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(encoded.data());
    const std::uint8_t* const end = at + encoded.size();
    nghttp3_qpack_stream_context_reset(stream_.get());
    for (std::size_t lines = 0;;) {
      nghttp3_qpack_nv field{};
      std::uint8_t flags = 0;
      const nghttp3_ssize read = nghttp3_qpack_decoder_read_request(
          decoder_.get(), stream_.get(), &field, &flags, at, static_cast<std::size_t>(end - at), 1);
      if (read < 0 || (flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED) != 0) return 0;
      at += read;
      if ((flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) != 0) {
        ++lines;
        line(text(field.name), text(field.value));
        nghttp3_rcbuf_decref(field.name);
        nghttp3_rcbuf_decref(field.value);
      }
      if ((flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL) != 0) return lines;
    }
  }
  // Takes what the decoder wants to tell the encoder, and tells it if wanted.
  bool take_decoder_stream(bool tell_encoder) noexcept {
    std::array<std::uint8_t, 256> bytes;
    if (nghttp3_qpack_decoder_get_decoder_streamlen(decoder_.get()) > bytes.size()) return false;
    nghttp3_buf taken{bytes.data(), bytes.data() + bytes.size(), bytes.data(), bytes.data()};
    nghttp3_qpack_decoder_write_decoder(decoder_.get(), &taken);
    const auto size = static_cast<std::size_t>(taken.last - taken.pos);
    return !tell_encoder || nghttp3_qpack_encoder_read_decoder(encoder_.get(), taken.pos, size) ==
                                static_cast<nghttp3_ssize>(size);
  }

 private:
  static std::string_view text(const nghttp3_rcbuf* bytes) noexcept {
    const nghttp3_vec view = nghttp3_rcbuf_get_buf(bytes);
    return {reinterpret_cast<const char*>(view.base), view.len};
  }

  Encoder encoder_;
  Decoder decoder_;
  StreamContext stream_;
  Buffer prefix_;
  Buffer section_;
  Buffer encoder_stream_;
};

// The sections of a connection that has run for a while: all that the table will hold is in it.
class Sections {
 public:
  Sections(Message message, std::size_t table_capacity) : qpack(table_capacity) {
    headers_.reserve(kSections);
    for (std::size_t i = 0; i < kSections; ++i) {
      headers_.push_back(make_headers(message, i));
      valid = complete(message, headers_[i], lines_[i]) && valid;
    }
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < kSections; ++i) valid = send(i) && valid;
    }
  }

  const FieldLines& lines(std::size_t index) const noexcept { return lines_[index % kSections]; }
  const std::string& encoded(std::size_t index) const noexcept {
    return encoded_[index % kSections];
  }

  Qpack qpack;
  bool valid = true;  // every section was decoded to what had been encoded

 private:
  bool send(std::size_t index) {
    if (!qpack.encode(lines_[index]) || !qpack.tell_decoder()) return false;
    encoded_[index] = qpack.encoded();
    bool same = true;
    std::size_t at = 0;
    const std::size_t decoded =
        qpack.decode(encoded_[index], [&](std::string_view name, std::string_view value) {
          const Field expected = lines_[index][at++];
          same = same && name == expected.name && value == expected.value;
        });
    return same && decoded == lines_[index].size() && qpack.take_decoder_stream(true);
  }

  std::vector<Headers> headers_;  // which lines_ points into
  std::array<FieldLines, kSections> lines_;
  std::array<std::string, kSections> encoded_;
};

void tell_bytes(benchmark::State& state, const Sections& sections) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kSections; ++i) bytes += sections.encoded(i).size();
  state.counters["bytes_per_section"] = static_cast<double>(bytes) / kSections;
  state.SetItemsProcessed(state.iterations());
}

// With the peer's acknowledgement of each, which is a byte.
void encode(benchmark::State& state, Message message) {
  Sections sections(message, static_cast<std::size_t>(state.range(0)));
  if (!sections.valid) return state.SkipWithError("a section did not come back as it was");
  std::size_t failed = 0;
  std::size_t number = 0;
  for (auto _ : state) {
    const bool done =
        sections.qpack.encode(sections.lines(number++)) && sections.qpack.acknowledge();
    failed += done ? 0 : 1;
  }
  if (failed != 0 || sections.qpack.encoded() != sections.encoded(number - 1)) {
    state.SkipWithError("a section was not encoded as before");
  }
  tell_bytes(state, sections);
}

void decode(benchmark::State& state, Message message) {
  Sections sections(message, static_cast<std::size_t>(state.range(0)));
  if (!sections.valid) return state.SkipWithError("a section did not come back as it was");
  std::size_t failed = 0;
  std::size_t number = 0;
  for (auto _ : state) {
    const std::size_t lines = sections.qpack.decode(
        sections.encoded(number),
        [](std::string_view, std::string_view value) { benchmark::DoNotOptimize(value.data()); });
    const bool done =
        lines == sections.lines(number).size() && sections.qpack.take_decoder_stream(false);
    failed += done ? 0 : 1;
    ++number;
  }
  if (failed != 0) state.SkipWithError("a section was not decoded");
  tell_bytes(state, sections);
}

// Without a dynamic table, and with that of the engine's default.
void tables(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("table")->Arg(0)->Arg(limits::kQpackTableCapacity);
}
BENCHMARK_CAPTURE(encode, request, Message::request)->Name("Qpack/encode/request")->Apply(tables);
BENCHMARK_CAPTURE(encode, response, Message::response)
    ->Name("Qpack/encode/response")
    ->Apply(tables);
BENCHMARK_CAPTURE(decode, request, Message::request)->Name("Qpack/decode/request")->Apply(tables);
BENCHMARK_CAPTURE(decode, response, Message::response)
    ->Name("Qpack/decode/response")
    ->Apply(tables);

}  // namespace
}  // namespace quicore::engine
