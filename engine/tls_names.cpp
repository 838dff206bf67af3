// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_names.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace quicore::engine {

namespace {

// The order is the default order.
struct Cipher {
  std::string_view name, wolfssl_name;
};
constexpr std::array<Cipher, kCipherSuiteCount> kCiphers{{
    {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256"},
    {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384"},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256"},
}};

struct Group {
  std::string_view name;
  int number;
  std::string_view other_names[2];  // SEC and X9.62, and what wolfSSL says
};
constexpr std::array<Group, 10> kGroups{{
    {"X25519", WOLFSSL_ECC_X25519, {}},
    {"P-256", WOLFSSL_ECC_SECP256R1, {"secp256r1", "prime256v1"}},
    {"P-384", WOLFSSL_ECC_SECP384R1, {"secp384r1"}},
    {"P-521", WOLFSSL_ECC_SECP521R1, {"secp521r1"}},
    {"X25519MLKEM768", WOLFSSL_X25519MLKEM768, {}},
    {"SecP256r1MLKEM768", WOLFSSL_SECP256R1MLKEM768, {}},
    {"SecP384r1MLKEM1024", WOLFSSL_SECP384R1MLKEM1024, {}},
    {"ffdhe2048", WOLFSSL_FFDHE_2048, {"FFDHE_2048"}},
    {"ffdhe3072", WOLFSSL_FFDHE_3072, {"FFDHE_3072"}},
    {"ffdhe4096", WOLFSSL_FFDHE_4096, {"FFDHE_4096"}},
}};

constexpr std::string_view kDefaultGroups = "X25519:P-256:X25519MLKEM768";

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    const auto colon = std::min(list.find(':'), list.size());
    if (colon > 0) names.push_back(list.substr(0, colon));
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
  return names;
}

template <class Table>
std::unexpected<Error> unknown(std::string_view field, std::string_view name, const Table& table) {
  std::string text =
      std::string(field) + ": \"" + std::string(name) + "\" is unknown; choose from ";
  for (const auto& entry : table) {
    if (&entry != table.data()) text += ", ";
    text += entry.name;
  }
  return failure(Errc::invalid_argument, std::move(text));
}

const Group* find_group(std::string_view name) {
  const auto found = std::ranges::find_if(kGroups, [&](const Group& group) {
    return same(name, group.name) ||
           std::ranges::any_of(group.other_names, [&](std::string_view other) {
             return !other.empty() && same(name, other);
           });
  });
  return found == kGroups.end() ? nullptr : &*found;
}

}  // namespace

Result<std::string> wolfssl_cipher_list(std::string_view names) {
  std::string list;
  const auto add = [&](const Cipher& cipher) {
    if (!list.empty()) list += ':';
    list += cipher.wolfssl_name;
  };
  const auto wanted = split(names);
  if (wanted.empty()) std::ranges::for_each(kCiphers, add);
  for (const auto name : wanted) {
    const auto found = std::ranges::find_if(kCiphers, [&](const Cipher& cipher) {
      return same(name, cipher.name) || same(name, cipher.wolfssl_name);
    });
    if (found == kCiphers.end()) return unknown("ciphers", name, kCiphers);
    add(*found);
  }
  return list;
}

Result<std::vector<int>> group_numbers(std::string_view names) {
  std::vector<int> numbers;
  auto wanted = split(names);
  if (wanted.empty()) wanted = split(kDefaultGroups);
  for (const auto name : wanted) {
    const Group* group = find_group(name);
    if (group == nullptr) return unknown("groups", name, kGroups);
    if (std::ranges::find(numbers, group->number) == numbers.end()) {
      numbers.push_back(group->number);
    }
  }
  return numbers;
}

Result<std::string> wolfssl_alpn_list(std::span<const std::string> names) {
  if (names.empty()) {
    return failure(Errc::invalid_argument,
                   "alpn: give at least one protocol, such as \"h3\": QUIC demands one");
  }
  std::string list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255 ||
        name.find_first_of(std::string_view(",\0", 2)) != std::string::npos) {
      return failure(Errc::invalid_argument, "alpn: \"" + name +
                                                 "\" cannot be used; a protocol name has 1 to 255 "
                                                 "bytes, none of them a comma or NUL");
    }
    if (!list.empty()) list += ',';
    list += name;
  }
  return list;
}

std::string_view name_of(CipherSuite suite) noexcept {
  return kCiphers[static_cast<std::size_t>(suite)].name;
}

std::string_view group_name(std::string_view wolfssl_name) noexcept {
  const Group* group = find_group(wolfssl_name);
  return group != nullptr ? group->name : wolfssl_name;
}

}  // namespace quicore::engine
