// SPDX-License-Identifier: Apache-2.0
#include "engine/headers.h"

namespace quicore {

namespace {

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value, bool sensitive) {
  if (entries_.empty()) {
    text_.reserve(256);
    entries_.reserve(8);
  }
  entries_.push_back({static_cast<std::uint32_t>(text_.size()),
                      static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size()), sensitive});
  for (char c : name) text_.push_back(to_lower(c));
  text_.append(value);
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
