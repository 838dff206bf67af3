// SPDX-License-Identifier: Apache-2.0
//
// The names users write for cipher suites and key-exchange groups, and what they are in wolfSSL.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/packet_protection.h"
#include "io/error.h"

namespace quicore::engine {

// wolfSSL's spelling of a colon-separated list of TLS_... names; the default for an empty one.
// Errors: invalid_argument, with the name that is unknown and those that are known.
Result<std::string> wolfssl_cipher_list(std::string_view names);

// Likewise the numbers of RFC 8446 4.2.7. Letter case does not matter; "secp256r1" and "prime256v1"
// are "P-256", and so on.
Result<std::vector<int>> group_numbers(std::string_view names);

// The comma-separated list that wolfSSL takes. Errors: invalid_argument for none, for an empty or
// overlong name, and for one with a comma or NUL in it, which wolfSSL cannot take.
Result<std::string> wolfssl_alpn_list(std::span<const std::string> names);

// "TLS_AES_128_GCM_SHA256".
std::string_view name_of(CipherSuite suite) noexcept;

// The name above of what wolfSSL calls a group; its own when it has none.
std::string_view group_name(std::string_view wolfssl_name) noexcept;

}  // namespace quicore::engine
