// SPDX-License-Identifier: Apache-2.0
#include "engine/headers.h"

#include <cstring>

namespace quicore {

namespace {

using Word = std::uint64_t;

// The same octet eight times.
constexpr Word all(unsigned octet) noexcept { return Word{octet} * 0x0101010101010101u; }

// Eight characters at once: a loop over single ones, names being short, takes longer than all the
// rest. The uppermost bit of an octet tells whether it is at least 'A', and whether it is beyond 'Z'.
constexpr Word to_lower(Word text) noexcept {
  const Word low_bits = text & all(0x7f);
  const Word from_a = low_bits + all(0x80 - 'A');
  const Word beyond_z = low_bits + all(0x7f - 'Z');
  const Word upper_case = from_a & ~beyond_z & ~text & all(0x80);
  return text | upper_case >> 2;  // 0x80 >> 2 is what 'a' has and 'A' has not
}
static_assert(to_lower(0x5b5a4140617ac15a) == 0x5b7a6140617ac17a);

// Also whatever stands behind it, up to a whole word.
void make_lower_case(char* text, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size; at += sizeof(Word)) {
    Word word;
    std::memcpy(&word, text + at, sizeof word);
    word = to_lower(word);
    std::memcpy(text + at, &word, sizeof word);
  }
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value, bool sensitive) {
  if (entries_.empty()) {
    text_.reserve(255);
    entries_.reserve(8);
  }
  const std::size_t name_at = text_.size();
  const std::size_t value_at = name_at + name.size();
  const std::size_t end = value_at + value.size();
  entries_.push_back({static_cast<std::uint32_t>(name_at), static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size()), sensitive});
  text_.resize_and_overwrite(end + sizeof(Word), [&](char* text, std::size_t) noexcept {
    name.copy(text + name_at, name.size());
    make_lower_case(text + name_at, name.size());
    value.copy(text + value_at, value.size());
    return end;
  });
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.name_size == name.size() && name_of(entry) == name) return value_of(entry);
  }
  return std::nullopt;
}

}  // namespace quicore
