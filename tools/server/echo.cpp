// SPDX-License-Identifier: Apache-2.0
#include "tools/server/echo.h"

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "api/shard.h"

namespace quicore::tools {

namespace {

// Bytes kept by all echoes of this shard whose credit was given back early.
thread_local std::size_t backlog = 0;

// Between the task that receives and the body that sends.
struct Echo {
  struct Piece {
    Chunk chunk;
    std::size_t counted = 0;  // in the backlog
  };

  ~Echo() {
    for (const Piece& piece : pieces) backlog -= piece.counted;
  }
  void push(Chunk chunk) {
    Piece piece{std::move(chunk)};
    if (const std::size_t size = piece.chunk.size(); backlog + size <= kEchoBacklog) {
      piece.counted = size;
      backlog += size;
      piece.chunk.release_credit();
    }
    pieces.push_back(std::move(piece));
    wake();
  }
  void finish(std::optional<Error> error) {
    ended = true;
    failed = std::move(error);
    wake();
  }
  Buf pop() {
    Piece piece = std::move(pieces.front());
    pieces.pop_front();
    backlog -= piece.counted;
    return std::move(piece.chunk).retain();
  }
  void wake() { std::exchange(arrived, Promise<>()).set(); }

  std::deque<Piece> pieces;
  bool ended = false;
  std::optional<Error> failed;
  Promise<> arrived;  // the next piece, or the end
};

Task<> receive(Stream stream, std::weak_ptr<Echo> target) {
  const Reader reader = stream.reader();
  for (;;) {
    auto chunk = co_await reader.next();
    const auto echo = target.lock();
    if (echo == nullptr) co_return;  // nobody sends it any more
    if (!chunk) co_return echo->finish(std::move(chunk.error()));
    if (!*chunk) co_return echo->finish({});
    echo->push(std::move(**chunk));
  }
}

}  // namespace

Body echo_of(const Stream& stream) {
  auto echo = std::make_shared<Echo>();
  Shard::current().spawn(receive(stream, echo));
  return [echo]() -> Task<Result<std::optional<Buf>>> {
    while (echo->pieces.empty()) {
      if (echo->failed) co_return std::unexpected(*echo->failed);
      if (echo->ended) co_return std::nullopt;
      co_await echo->arrived.completion();
    }
    co_return echo->pop();
  };
}

}  // namespace quicore::tools
