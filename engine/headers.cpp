// SPDX-License-Identifier: Apache-2.0
#include "engine/headers.h"

#include "engine/octet_words.h"

namespace quicore {

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
  text_.resize_and_overwrite(end, [&](char* text, std::size_t) noexcept {
    engine::copy_words(text + name_at, name, engine::to_lower);
    engine::copy_words(text + value_at, value, [](auto word) { return word; });
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
