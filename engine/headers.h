// SPDX-License-Identifier: Apache-2.0
//
// HTTP fields (headers, hints, trailers): an ordered list of name/value pairs.
//
//   Headers request{{":method", "POST"}, {"content-type", "text/plain"}};
//   if (auto type = response.get("content-type")) ...
//   for (auto [name, value] : response) ...
//
// Threading: a value type. Lifetime: views given out live until the Headers change or die.
// Cost: the text of all fields stands in one string and the table in one vector: two allocations
// whatever the number of fields. Names are stored in lower case (RFC 9114 4.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quicore {

struct Field {
  std::string_view name;
  std::string_view value;
  bool sensitive = false;  // never indexed by QPACK (RFC 9204 7.1.3): credentials
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Field> fields) {
    for (const Field& field : fields) add(field.name, field.value, field.sensitive);
  }

  void add(std::string_view name, std::string_view value, bool sensitive = false);
  // The value of the first field of that (lower-case) name.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  Field operator[](std::size_t index) const noexcept;
  // Names + values + 32 bytes a field, as SETTINGS_MAX_FIELD_SECTION_SIZE counts (RFC 9114 4.2.2).
  std::size_t field_section_size() const noexcept { return text_.size() + 32 * entries_.size(); }
  void clear() noexcept {
    text_.clear();
    entries_.clear();
  }

  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const Headers* headers, std::size_t index) : headers_(headers), index_(index) {}
    Field operator*() const noexcept { return (*headers_)[index_]; }
    Iterator& operator++() noexcept {
      ++index_;
      return *this;
    }
    Iterator operator++(int) noexcept { return {headers_, index_++}; }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Headers* headers_ = nullptr;
    std::size_t index_ = 0;
  };
  Iterator begin() const noexcept { return {this, 0}; }
  Iterator end() const noexcept { return {this, entries_.size()}; }

 private:
  struct Entry {
    std::uint32_t offset;
    std::uint32_t name_size;
    std::uint32_t value_size;
    bool sensitive;
  };
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace quicore
