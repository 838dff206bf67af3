// SPDX-License-Identifier: Apache-2.0
//
// Short texts, as the names and values of fields are, eight octets at a time: a loop over single
// ones takes longer than all the rest that is done with a field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quicore::engine {

using OctetWord = std::uint64_t;

// The same octet eight times.
constexpr OctetWord eight(unsigned octet) noexcept { return OctetWord{octet} * 0x0101010101010101; }

// In these, an octet's uppermost bit tells what is true of it, and its other bits tell nothing.
constexpr OctetWord octets_between(OctetWord word, unsigned first, unsigned last) noexcept {
  const OctetWord low_bits = word & eight(0x7f);
  return (low_bits + eight(0x80 - first)) & ~(low_bits + eight(0x7f - last)) & ~word;
}

// These three are objects, so that they are compiled into what is given them.
inline constexpr auto to_lower = [](OctetWord text) noexcept {
  // 0x80 >> 2 is what 'a' has and 'A' has not.
  return text | (octets_between(text, 'A', 'Z') & eight(0x80)) >> 2;
};
static_assert(to_lower(0x5b5a4140617ac15a) == 0x5b7a6140617ac17a);

// Letters in lower case and hyphens: nearly all names are made of nothing else.
inline constexpr auto is_plain_name = [](OctetWord text) noexcept {
  const OctetWord plain = octets_between(text, 'a', 'z') | octets_between(text, '-', '-');
  return (plain & eight(0x80)) == eight(0x80);
};
static_assert(is_plain_name(0x2d617a2d6d6e6f70) && !is_plain_name(0x2d617a2d6d6e6f60) &&
              !is_plain_name(0x2d617a2d7b6e6f70) && !is_plain_name(0x2d617aad6d6e6f70));

// No control characters, to which the tab belongs.
inline constexpr auto is_plain_value = [](OctetWord text) noexcept {
  const OctetWord control = octets_between(text, 0, 0x1f) | octets_between(text, 0x7f, 0x7f);
  return (control & eight(0x80)) == 0;
};
static_assert(is_plain_value(0x207eff80414243a0) && !is_plain_value(0x201f414243444546) &&
              !is_plain_value(0x207f414243444546) && !is_plain_value(0x2009414243444546));

// Whether a text is the literal, whose length is known when this is compiled: no call, no loop.
template <std::size_t N>
bool is(std::string_view text, const char (&literal)[N]) noexcept {
  return text.size() == N - 1 && std::memcmp(text.data(), literal, N - 1) == 0;
}

template <typename Word>
Word word_at(const char* text) noexcept {
  Word word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// Whether `is_plain` is true of a text, which is not empty: of all its octets, some of them twice.
template <typename Plain>
bool consists_of(std::string_view text, Plain is_plain) noexcept {
  const char* const begin = text.data();
  const std::size_t size = text.size();
  if (size >= sizeof(OctetWord)) {
    const std::size_t last = size - sizeof(OctetWord);
    for (std::size_t at = 0; at < last; at += sizeof(OctetWord)) {
      if (!is_plain(word_at<OctetWord>(begin + at))) return false;
    }
    return is_plain(word_at<OctetWord>(begin + last));
  }
  if (size >= sizeof(std::uint32_t)) {
    const OctetWord first = word_at<std::uint32_t>(begin);
    return is_plain(first | OctetWord{word_at<std::uint32_t>(begin + size - 4)} << 32);
  }
  const auto octet = [&](std::size_t at) {
    return OctetWord{static_cast<std::uint8_t>(begin[at])};
  };
  const OctetWord first = octet(0) * 0x0101010101;
  return is_plain(first << 24 | octet(size / 2) << 16 | octet(size - 1) << 8 | octet(0));
}

// Copies a text; `change` makes of each of its words what is to be written.
template <typename Change>
void copy_words(char* to, std::string_view text, Change change) noexcept {
  const auto copy_word = [&]<typename Word>(Word word, std::size_t at) {
    word = static_cast<Word>(change(word_at<Word>(text.data() + at)));
    std::memcpy(to + at, &word, sizeof word);
  };
  const std::size_t size = text.size();
  if (size >= sizeof(OctetWord)) {
    const std::size_t last = size - sizeof(OctetWord);
    for (std::size_t at = 0; at < last; at += sizeof(OctetWord)) copy_word(OctetWord{}, at);
    copy_word(OctetWord{}, last);
  } else if (size >= sizeof(std::uint32_t)) {
    copy_word(std::uint32_t{}, 0);
    copy_word(std::uint32_t{}, size - sizeof(std::uint32_t));
  } else if (size > 0) {
    copy_word(std::uint8_t{}, 0);
    copy_word(std::uint8_t{}, size / 2);
    copy_word(std::uint8_t{}, size - 1);
  }
}

}  // namespace quicore::engine
