// SPDX-License-Identifier: Apache-2.0
#include "engine/headers.h"

#include <algorithm>

namespace quicore {

namespace {

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value, bool sensitive) {
  if (entries_.empty()) {
    text_.reserve(255);
    entries_.reserve(8);
  }
  entries_.push_back({static_cast<std::uint32_t>(text_.size()),
                      static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size()), sensitive});
  const std::size_t name_at = text_.size();
  const std::size_t value_at = name_at + name.size();
  // What it is called with may be more than what was asked for (GCC 12).
  text_.resize_and_overwrite(value_at + value.size(), [&](char* text, std::size_t) noexcept {
    std::ranges::transform(name, text + name_at, to_lower);
    std::ranges::copy(value, text + value_at);
    return value_at + value.size();
  });
}

Field Headers::operator[](std::size_t index) const noexcept {
  const Entry& entry = entries_[index];
  const std::string_view text(text_);
  return {text.substr(entry.offset, entry.name_size),
          text.substr(entry.offset + entry.name_size, entry.value_size), entry.sensitive};
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const Field field : *this) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

}  // namespace quicore
