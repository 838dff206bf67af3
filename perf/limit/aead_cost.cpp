// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/aead_cost.h"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/packet_protection_backend.h"
#include "perf/limit/time_passes.h"

namespace quicore::perf {
namespace {

constexpr std::size_t kAssociatedDataSize = 20;

struct KeyDeleter {
  void operator()(engine::AeadKey* key) const { engine::destroy(key); }
};
using Key = std::unique_ptr<engine::AeadKey, KeyDeleter>;

// The packets of one message, each with room for its tag.
class Message {
 public:
  Message(unsigned payload, unsigned packets)
      : payload_(payload), packets_(packets), bytes_(packets * (payload + engine::kAeadTagSize)) {}

  [[nodiscard]] std::uint8_t* packet(unsigned i) {
    return bytes_.data() + i * (payload_ + engine::kAeadTagSize);
  }

  // `operation(packet index, nonce)` for each packet; false if one failed.
  template <class Operation>
  bool for_each(Operation&& operation) {
    std::array<std::uint8_t, engine::kAeadNonceSize> nonce{};
    for (unsigned i = 0; i < packets_; ++i) {
      std::memcpy(nonce.data(), &i, sizeof i);
      if (!operation(i, nonce.data())) return false;
    }
    return true;
  }

 private:
  std::size_t payload_;
  unsigned packets_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

Result<AeadCost> measure_aead(engine::AeadBackend backend, unsigned payload, unsigned packets,
                              Duration duration) {
  const auto* const functions =
      engine::cipher_functions(backend, engine::CipherSuite::aes_128_gcm_sha256);
  const std::string name(engine::to_string(backend));
  if (functions == nullptr) {
    return failure(Errc::not_supported, "this build or CPU has no AEAD backend " + name);
  }
  const std::array<std::uint8_t, 16> key_bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::array<std::uint8_t, kAssociatedDataSize> header = {0x40, 9};
  const Key key(functions->make_aead_key(*functions, key_bytes.data()));
  if (!key) return failure(Errc::no_memory, "no memory for an AEAD key");

  Message sealed(payload, packets);
  Message opened(payload, packets);
  Message scratch(payload, packets);
  const auto seal_into = [&](Message& message) {
    return message.for_each([&](unsigned i, const std::uint8_t* nonce) {
      std::uint8_t* const packet = message.packet(i);
      return functions->seal(key.get(), packet, packet, payload, nonce, header.data(),
                             header.size());
    });
  };
  const auto open_sealed = [&] {
    return sealed.for_each([&](unsigned i, const std::uint8_t* nonce) {
      return functions->open(key.get(), opened.packet(i), sealed.packet(i),
                             payload + engine::kAeadTagSize, nonce, header.data(), header.size());
    });
  };

  AeadCost cost{.name = "AES-128-GCM, " + name};
  cost.seal_ns = time_passes(packets, duration / 2, [&] { return seal_into(scratch); });
  const bool ready = seal_into(sealed);
  cost.open_ns = ready ? time_passes(packets, duration / 2, open_sealed) : 0;
  if (cost.seal_ns <= 0 || cost.open_ns <= 0) {
    return failure(Errc::not_supported, "the AEAD backend " + name + " failed on a packet");
  }
  return cost;
}

}  // namespace quicore::perf
