// SPDX-License-Identifier: Apache-2.0
//
// From configuration to what ngtcp2 wants: settings and transport parameters (RFC 9000 18).
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/config.h"
#include "io/random.h"
#include "io/time.h"

namespace quicore::engine {

// The versions of a configuration as wire values, best first. ngtcp2_settings points into it; it is
// needed until ngtcp2_conn_*_new returned.
std::vector<std::uint32_t> wire_versions(const SessionConfig& config);

ngtcp2_settings make_settings(const EndpointConfig& endpoint, const SessionConfig& session,
                              const Address& remote, io::Random& random,
                              const std::vector<std::uint32_t>& versions, Instant now);

// The fields both sides send; the caller adds what only a server has.
ngtcp2_transport_params make_transport_params(const SessionConfig& session);

// RFC 9000 18: an ID and what it is about. `value` lies in what was given.
struct TransportParameter {
  std::uint64_t id = 0;
  std::span<const std::uint8_t> value;
};

// The first one of what a peer sent, which becomes the rest. Nothing: the end, or what does not parse.
std::optional<TransportParameter> take_transport_parameter(
    std::span<const std::uint8_t>& encoded) noexcept;

// Whether one parameter stands twice in what a peer sent, which ngtcp2 does not notice
// (RFC 9000 7.4). What does not parse is left to ngtcp2.
bool repeats_parameter(std::span<const std::uint8_t> encoded);

// ngtcp2_callbacks::rand over the io::Random of the settings.
ngtcp2_rand random_callback() noexcept;

// RFC 9000 18.2: a server's other address. The connection ID and token are the caller's to fill.
void set_preferred_address(ngtcp2_transport_params& params, const TransportParams& config);

}  // namespace quicore::engine
