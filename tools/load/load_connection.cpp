// SPDX-License-Identifier: Apache-2.0
#include "tools/load/load_connection.h"

#include <algorithm>
#include <cstring>

namespace quicore::tools {

namespace {

// Small enough to stay in the cache: the encryption reads it again and again.
constexpr std::size_t kUploadBlock = 64 * 1024;

}  // namespace

Body upload_body(std::uint64_t count) {
  static const std::vector<std::byte> kBlock(kUploadBlock);
  return [left = count]() mutable -> std::optional<Buf> {
    if (left == 0) return std::nullopt;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, kUploadBlock));
    left -= size;
    return Buf::borrow(Bytes(kBlock).first(size));
  };
}

// --- RequestSlot -------------------------------------------------------------------------------------

// Bulk: bytes are counted in place, without a copy.
class RequestSlot::Counter final : public StreamConsumer {
 public:
  explicit Counter(RequestSlot& slot) noexcept : slot_(slot) {}
  void on_bytes(Bytes bytes, bool) noexcept override {
    slot_.received_ += bytes.size();
    slot_.connection_.worker().count_bytes(bytes.size());
  }

 private:
  RequestSlot& slot_;
};

void RequestSlot::next() {
  Worker& worker = connection_.worker();
  if (worker.stopping()) return;
  if (!worker.open_loop()) return begin(worker.shard().now());
  Instant due;
  if (worker.take_due(due)) return begin(due);
  worker.slot_idle([this](Instant at) { begin(at); });
}

void RequestSlot::begin(Instant due) {
  due_ = due;
  received_ = 0;
  ++number_;
  auto stream = open_stream();
  if (!stream) return failed(stream.error());
  busy_ = true;
  stream_ = std::move(*stream);
  const LoadOptions& options = connection_.worker().plan().options;
  const bool bulk = options.mode == LoadMode::download && options.sha256.empty();
  if (!options.sha256.empty() && !hash_) hash_ = std::make_unique<Sha256Hasher>();
  bulk ? watch_bulk(stream_) : watch_small(stream_);
}

Result<Stream> RequestSlot::open_stream() {
  const LoadPlan& plan = connection_.worker().plan();
  const bool upload = plan.options.mode == LoadMode::upload;
  StreamOptions options;
  if (plan.options.alpn == "h3") {
    options.headers = plan.headers;
    if (upload) options.body = upload_body(plan.options.size);
  } else if (upload) {
    options.body = upload_body(std::max<std::uint64_t>(plan.options.size, 8));
  } else {
    options.body = Buf::borrow(plan.request);
  }
  return connection_.session().open(std::move(options));
}

// The answer comes by callback, without a coroutine; failures come by the stream's end.
void RequestSlot::watch_small(Stream& stream) {
  (void)stream.consume([this](std::span<const Bytes> chunks, bool done) {
    Worker& worker = connection_.worker();
    for (const Bytes chunk : chunks) {
      received_ += chunk.size();
      if (hash_) hash_->update(chunk);
      if (worker.plan().options.mode != LoadMode::upload) worker.count_bytes(chunk.size());
    }
    if (done) finished();
  });
  stream.closed().then([this, number = number_](const Result<>& how) {
    if (!busy_ || number != number_) return;
    failed(how ? Error::make(Errc::closed, "the answer ended before its time") : how.error());
  });
}

void RequestSlot::watch_bulk(Stream& stream) {
  (void)stream.consume(std::make_shared<Counter>(*this));
  stream.closed().then([this, number = number_](const Result<>& how) {
    if (!busy_ || number != number_) return;
    how ? finished() : failed(how.error());
  });
}

void RequestSlot::finished() {
  busy_ = false;
  Worker& worker = connection_.worker();
  if (worker.plan().options.check) {
    if (const auto wrong = check_answer()) {
      worker.count_error(*wrong);
      return next();
    }
  }
  if (worker.plan().options.mode == LoadMode::upload)
    worker.count_bytes(worker.plan().options.size);
  worker.count_request(due_);
  next();
}

void RequestSlot::failed(const Error& error) {
  busy_ = false;
  Worker& worker = connection_.worker();
  if (worker.stopping()) return;
  worker.count_error(to_string(error));
  // A connection that is gone answers at once: no endless loop over it.
  if (connection_.session().closing() || connection_.session().closed().ready()) return;
  if (error.kind == Errc::stream_limit) {
    worker.shard().spawn([](RequestSlot& slot) -> Task<> {
      (void)co_await slot.connection_.worker().shard().sleep_for(std::chrono::milliseconds(1));
      slot.next();
    }(*this));
    return;
  }
  next();
}

std::optional<std::string> RequestSlot::check_answer() {
  const LoadPlan& plan = connection_.worker().plan();
  if (plan.options.alpn == "h3") {
    const auto headers = stream_.headers();
    const auto* fields = headers.peek();
    if (fields == nullptr || !*fields) return "an answer without headers";
    const auto status = (*fields)->get(":status").value_or("?");
    if (status != "200") return "status " + std::string(status);
  }
  if (plan.options.mode != LoadMode::upload && !plan.own_path && received_ != plan.options.size) {
    return "an answer of the wrong length";
  }
  if (hash_ && hash_->finish() != plan.options.sha256) return "a body with the wrong hash";
  return std::nullopt;
}

// --- LoadConnection ----------------------------------------------------------------------------------

Result<> LoadConnection::open() {
  auto session = worker_.endpoint().connect(worker_.plan().server, worker_.session_config());
  if (!session) return std::unexpected(std::move(session.error()));
  session_ = std::move(*session);
  session_.closed().then([this](const Result<>& how) {
    if (!worker_.stopping() && !how)
      worker_.count_error("connection lost: " + to_string(how.error()));
  });
  return {};
}

void LoadConnection::start() {
  const LoadOptions& options = worker_.plan().options;
  if (options.mode == LoadMode::datagram) return start_datagrams();
  for (std::uint32_t i = 0; i < options.streams; ++i) {
    slots_.push_back(std::make_unique<RequestSlot>(*this));
    slots_.back()->next();
  }
}

void LoadConnection::stop() {
  if (session_) session_.cancel();
}

void LoadConnection::start_datagrams() {
  session_.on_datagram() = [this](DatagramEvent event) { datagram_arrived(event); };
  session_.on_datagram_status() = [this](DatagramStatusEvent event) {
    if (event.status != DatagramStatus::lost || worker_.stopping()) return;
    worker_.count_error("datagram lost");
    if (!worker_.open_loop()) send_datagram();
  };
  for (std::uint32_t i = 0; i < worker_.plan().options.streams; ++i) send_datagram();
}

// Number and time of sending in front, zeros behind.
void LoadConnection::send_datagram() {
  std::vector<std::byte> bytes(worker_.plan().options.size);
  const std::uint64_t number = next_datagram_++;
  const std::int64_t now = worker_.shard().now().time_since_epoch().count();
  std::memcpy(bytes.data(), &number, sizeof number);
  std::memcpy(bytes.data() + sizeof number, &now, sizeof now);
  if (auto sent = session_.send_datagram(Buf::copy(bytes)); !sent && !worker_.stopping()) {
    worker_.count_error(to_string(sent.error()));
  }
}

void LoadConnection::datagram_arrived(const DatagramEvent& event) {
  std::int64_t sent = 0;
  if (event.datagram.size() < 16 || worker_.stopping()) return;
  std::memcpy(&sent, event.datagram.data() + 8, sizeof sent);
  worker_.count_bytes(event.datagram.size());
  worker_.count_request(Instant(Duration(sent)));
  send_datagram();
}

}  // namespace quicore::tools
