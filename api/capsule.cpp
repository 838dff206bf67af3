// SPDX-License-Identifier: Apache-2.0
#include "api/capsule.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/varint.h"

namespace quicore {

namespace {

struct CapsuleHead {
  std::uint64_t type = 0;
  std::uint64_t value_size = 0;
  std::size_t size = 0;  // of the head
};

std::optional<CapsuleHead> read_head(Bytes bytes) noexcept {
  CapsuleHead head;
  const std::size_t type_size = engine::read_varint(bytes, head.type);
  if (type_size == 0) return std::nullopt;
  const std::size_t length_size = engine::read_varint(bytes.subspan(type_size), head.value_size);
  if (length_size == 0) return std::nullopt;
  head.size = type_size + length_size;
  return head;
}

std::size_t whole_size(const std::optional<CapsuleHead>& head) noexcept {
  return head ? head->size + static_cast<std::size_t>(head->value_size) : 0;
}

Result<> check(const std::optional<CapsuleHead>& head, std::size_t limit) {
  if (!head || head->value_size <= limit) return {};
  return failure(Errc::no_memory, "a capsule of " + std::to_string(head->value_size) +
                                      " bytes, more than the limit of " + std::to_string(limit));
}

}  // namespace

Buf encode_capsule(std::uint64_t type, Bytes value) {
  const engine::Varint type_bytes(type);
  const engine::Varint length(value.size());
  std::vector<std::byte> bytes;
  bytes.reserve(type_bytes.size + length.size + value.size());
  for (const Bytes part : {type_bytes.view(), length.view(), value}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return Buf::copy(bytes);
}

Result<> CapsuleReader::feed(Bytes bytes, const Function& function) {
  while (!bytes.empty()) {
    if (pending_.empty()) {
      const auto head = read_head(bytes);
      if (auto ok = check(head, limit_); !ok) return ok;
      const std::size_t whole = whole_size(head);
      if (!head || whole > bytes.size()) {
        pending_.assign(bytes.begin(), bytes.end());
        return {};
      }
      function(head->type, bytes.subspan(head->size, whole - head->size));
      bytes = bytes.subspan(whole);
      continue;
    }
    // What is pending grows by no more than the next step needs: the head byte by byte.
    const auto before = read_head(pending_);
    const std::size_t wanted = before ? whole_size(before) - pending_.size() : 1;
    const Bytes part = bytes.first(std::min(wanted, bytes.size()));
    pending_.insert(pending_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    const auto head = read_head(pending_);
    if (auto ok = check(head, limit_); !ok) return ok;
    if (head && pending_.size() == whole_size(head)) {
      const std::vector<std::byte> capsule = std::exchange(pending_, {});
      function(head->type, Bytes(capsule).subspan(head->size));
    }
  }
  return {};
}

}  // namespace quicore
