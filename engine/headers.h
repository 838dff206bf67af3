// SPDX-License-Identifier: Apache-2.0
//
// HTTP fields (headers, hints, trailers): an ordered list of name/value pairs.
//
//   Headers request{{":method", "POST"}, {"content-type", "text/plain"}};
//   if (auto type = response.get("content-type")) ...
//   for (auto [name, value] : response) ...
//
// Threading: a value type. Lifetime: views given out live until the Headers change or die.
// Cost: the text of all fields stands in one string and the table in one vector: two blocks of the
// thread's pool whatever the number of fields. Names are stored in lower case (RFC 9114 4.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/block_pool.h"

namespace quicore {

// One line of headers or trailers, as a view.
struct Field {
  // In lower case on the wire (RFC 9114 4.2); pseudo-header fields begin with a colon.
  std::string_view name;
  // Without spaces around it.
  std::string_view value;
  bool sensitive = false;  // never indexed by QPACK (RFC 9204 7.1.3): credentials
};

// The fields of a message, in order (ST9, ST24).
class Headers {
 public:
  Headers() = default;
  // A copy of the fields.
  Headers(std::initializer_list<Field> fields) {
    for (const Field& field : fields) add(field.name, field.value, field.sensitive);
  }

  // At the end; a name may come several times. `sensitive` ones are never indexed (RFC 9204 7.1)
  // nor logged.
  void add(std::string_view name, std::string_view value, bool sensitive = false);
  // The value of the first field of that (lower-case) name.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  // Whether there is at least one of the name.
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  // How many fields there are.
  std::size_t size() const noexcept { return entries_.size(); }
  // Whether there is none.
  bool empty() const noexcept { return entries_.empty(); }
  // `index` is below size(). Good until the next change.
  Field operator[](std::size_t index) const noexcept {
    const Entry& entry = entries_[index];
    return {name_of(entry), value_of(entry), entry.sensitive};
  }
  // Names + values + 32 bytes a field, as SETTINGS_MAX_FIELD_SECTION_SIZE counts (RFC 9114 4.2.2).
  std::size_t field_section_size() const noexcept { return text_.size() + 32 * entries_.size(); }
  // Empties it and keeps its memory.
  void clear() noexcept {
    text_.clear();
    entries_.clear();
  }

  // For range-based loops; views are good until the next change.
  class Iterator {
   public:
    // Of a forward iterator.
    using value_type = Field;
    // Of a forward iterator.
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    // At the field of this index.
    Iterator(const Headers* headers, std::size_t index) : headers_(headers), index_(index) {}
    // The field it is at.
    Field operator*() const noexcept { return (*headers_)[index_]; }
    // On to the next.
    Iterator& operator++() noexcept {
      ++index_;
      return *this;
    }
    // On to the next; gives where it was.
    Iterator operator++(int) noexcept { return {headers_, index_++}; }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Headers* headers_ = nullptr;
    std::size_t index_ = 0;
  };
  // At the first field.
  Iterator begin() const noexcept { return {this, 0}; }
  // Behind the last.
  Iterator end() const noexcept { return {this, entries_.size()}; }

 private:
  struct Entry {
    std::uint32_t offset;
    std::uint32_t name_size;
    std::uint32_t value_size;
    bool sensitive;
  };
  std::string_view name_of(const Entry& entry) const noexcept {
    return {text_.data() + entry.offset, entry.name_size};
  }
  std::string_view value_of(const Entry& entry) const noexcept {
    return {text_.data() + entry.offset + entry.name_size, entry.value_size};
  }

  std::basic_string<char, std::char_traits<char>, io::BlockAllocator<char>> text_;
  std::vector<Entry, io::BlockAllocator<Entry>> entries_;
};

}  // namespace quicore
