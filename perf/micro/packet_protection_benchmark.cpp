// SPDX-License-Identifier: Apache-2.0
//
// Packet protection: what a packet costs to seal and to open, what its header-protection mask costs,
// and what keys cost, for each cipher suite and each backend that is here. Which backend for which suite, and how much
// of a packet's time is cryptography?
//
//   quicore_microbench --benchmark_filter=PacketProtection/seal
//
// One iteration is one packet, of the size of its UDP payload, or one installation of keys. The
// packets are those of a train, one behind the other, sealed in place and opened into another
// train's room, as the engine does.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/packet_protection_backend.h"
#include "engine/packet_protection_keys.h"
#include "io/datagram.h"
#include "io/random.h"

namespace quicore::engine {
namespace {

// 1-RTT (RFC 9000 17.3.1): the first byte, the connection ID, a packet number of two bytes.
constexpr std::size_t kHeaderSize = 1 + 8 + 2;
constexpr std::size_t kExpansion = kHeaderSize + kAeadTagSize;

template <class Key>
struct Destroy {
  void operator()(Key* key) const noexcept { destroy(key); }
};
using AeadKeyOwner = std::unique_ptr<AeadKey, Destroy<AeadKey>>;
using HeaderKeyOwner = std::unique_ptr<HeaderKey, Destroy<HeaderKey>>;

constexpr std::array<std::uint8_t, kMaxSecretSize> kSecret = {7, 6, 5, 4, 3, 2, 1};
constexpr std::uint32_t kVersion = 1;

struct Cipher {
  const CipherFunctions* functions;
  std::string name;

  CipherSuite suite() const noexcept { return functions->suite; }
  std::span<const std::uint8_t> secret() const noexcept {
    return std::span(kSecret).first(secret_size(suite()));
  }
};

// --- packets --------------------------------------------------------------------------------------

class Train {
 public:
  explicit Train(std::size_t packet_size)
      : packet_size_(packet_size),
        packets_(std::min<std::size_t>(io::kMaxTrainSize / packet_size, io::kMaxTrainSegments)),
        bytes_(packets_ * packet_size) {
    io::Random random = io::Random::seeded(1);
    random.fill(std::as_writable_bytes(std::span(bytes_)));
  }

  std::size_t packets() const noexcept { return packets_; }
  std::size_t plain_size() const noexcept { return packet_size_ - kExpansion; }
  std::uint8_t* header(std::size_t packet) noexcept { return &bytes_[packet * packet_size_]; }
  std::uint8_t* body(std::size_t packet) noexcept { return header(packet) + kHeaderSize; }

  bool seal(AeadKey* key, std::size_t packet) noexcept {
    const Nonce nonce = nonce_of(packet);
    return key->functions->seal(key, body(packet), body(packet), plain_size(), nonce.data(),
                                header(packet), kHeaderSize);
  }
  bool open_into(Train& opened, AeadKey* key, std::size_t packet) noexcept {
    const Nonce nonce = nonce_of(packet);
    return key->functions->open(key, opened.body(packet), body(packet), plain_size() + kAeadTagSize,
                                nonce.data(), header(packet), kHeaderSize);
  }

 private:
  using Nonce = std::array<std::uint8_t, kAeadNonceSize>;
  static Nonce nonce_of(std::size_t packet) noexcept {
    Nonce nonce{};
    std::memcpy(nonce.data(), &packet, sizeof packet);
    return nonce;
  }

  std::size_t packet_size_;
  std::size_t packets_;
  std::vector<std::uint8_t> bytes_;
};

// Whether every packet of `plain` comes back as it was, and a damaged one does not.
bool opens_what_was_sealed(AeadKey* key, Train& plain, Train& sealed, Train& opened) {
  for (std::size_t i = 0; i < plain.packets(); ++i) {
    if (!sealed.open_into(opened, key, i)) return false;
    if (!std::equal(plain.body(i), plain.body(i) + plain.plain_size(), opened.body(i))) {
      return false;
    }
  }
  Train damaged = sealed;
  ++*damaged.body(0);
  return !damaged.open_into(opened, key, 0);
}

void count_packets(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

AeadKeyOwner make_key(const CipherFunctions& functions) {
  return AeadKeyOwner(functions.make_aead_key(functions, kSecret.data()));
}

enum class Operation : std::uint8_t { seal, open };

void protect(benchmark::State& state, const Cipher& cipher, Operation operation) {
  const AeadKeyOwner key = make_key(*cipher.functions);
  Train plain(static_cast<std::size_t>(state.range(0)));
  Train sealed = plain;
  Train opened = plain;
  for (std::size_t i = 0; i < sealed.packets(); ++i) sealed.seal(key.get(), i);
  if (!opens_what_was_sealed(key.get(), plain, sealed, opened)) {
    return state.SkipWithError("what was sealed does not open");
  }
  std::size_t packet = 0;
  std::size_t failed = 0;
  for (auto _ : state) {
    const bool done = operation == Operation::seal ? plain.seal(key.get(), packet)
                                                   : sealed.open_into(opened, key.get(), packet);
    failed += done ? 0 : 1;
    if (++packet == plain.packets()) packet = 0;
  }
  if (failed != 0) state.SkipWithError("a packet failed");
  count_packets(state);
}

// --- header protection ------------------------------------------------------------------------------

using Mask = std::array<std::uint8_t, kHeaderSampleSize>;

// The five bytes that count, of another backend: wolfCrypt has every suite.
bool same_mask_elsewhere(const Cipher& cipher, HeaderKey* key, const std::uint8_t* sample) {
  const CipherFunctions& other = *wolfcrypt_functions(cipher.suite());
  const HeaderKeyOwner other_key(other.make_header_key(other, kSecret.data()));
  Mask mask{}, other_mask{};
  return key->functions->header_mask(key, mask.data(), sample) &&
         other.header_mask(other_key.get(), other_mask.data(), sample) &&
         std::equal(mask.begin(), mask.begin() + 5, other_mask.begin());
}

// A mask is made of 16 bytes of a packet, whatever its size.
void make_mask(benchmark::State& state, const Cipher& cipher) {
  const HeaderKeyOwner key(cipher.functions->make_header_key(*cipher.functions, kSecret.data()));
  Train train(1452);
  if (!same_mask_elsewhere(cipher, key.get(), train.body(0))) {
    return state.SkipWithError("another backend makes another mask");
  }
  std::size_t packet = 0;
  std::size_t failed = 0;
  Mask mask{};
  for (auto _ : state) {
    failed += key->functions->header_mask(key.get(), mask.data(), train.body(packet)) ? 0 : 1;
    benchmark::DoNotOptimize(mask);
    if (++packet == train.packets()) packet = 0;
  }
  if (failed != 0) state.SkipWithError("a mask failed");
  state.SetItemsProcessed(state.iterations());
}

// --- keys -----------------------------------------------------------------------------------------

struct Keys {
  AeadKeyOwner aead;
  HeaderKeyOwner header;
};

Keys make_keys(const CipherFunctions& functions, const PacketKeys& keys) {
  return {AeadKeyOwner(functions.make_aead_key(functions, keys.key.data())),
          HeaderKeyOwner(functions.make_header_key(functions, keys.header_key.data()))};
}

// From a traffic secret to the keys of one direction of one level, and their end.
void install(benchmark::State& state, const Cipher& cipher) {
  std::size_t failed = 0;
  for (auto _ : state) {
    PacketKeys derived;
    const bool done = derive_packet_keys(derived, kVersion, cipher.suite(), cipher.secret());
    const Keys keys = make_keys(*cipher.functions, derived);
    failed += done && keys.aead && keys.header ? 0 : 1;
  }
  if (failed != 0) state.SkipWithError("keys were not made");
  state.SetItemsProcessed(state.iterations());
}

// RFC 9001 6.1: the next key of one direction, derived ahead of its use; few are ever used.
void prepare_update(benchmark::State& state, const Cipher& cipher) {
  std::array<std::uint8_t, kMaxSecretSize> next{};
  const auto next_secret = std::span(next).first(cipher.secret().size());
  std::size_t failed = 0;
  for (auto _ : state) {
    PacketKeys derived;
    const bool done = derive_next_secret(next.data(), kVersion, cipher.suite(), cipher.secret()) &&
                      derive_packet_keys(derived, kVersion, cipher.suite(), next_secret);
    const AeadKeyOwner key(make_sleeping_key(*cipher.functions, derived.key.data()));
    failed += done && key ? 0 : 1;
  }
  if (failed != 0) state.SkipWithError("keys were not made");
  state.SetItemsProcessed(state.iterations());
}

// The Initial keys of both directions: what any datagram that looks like a first Initial costs.
void install_initial(benchmark::State& state, const Cipher& cipher) {
  const std::array<std::uint8_t, 8> id = {1, 2, 3, 4, 5, 6, 7, 8};
  std::size_t failed = 0;
  for (auto _ : state) {
    InitialSecrets secrets;
    PacketKeys client, server;
    const bool done = derive_initial_secrets(secrets, kVersion, id) &&
                      derive_packet_keys(client, kVersion, cipher.suite(), secrets.client) &&
                      derive_packet_keys(server, kVersion, cipher.suite(), secrets.server);
    const Keys receive = make_keys(*cipher.functions, client);
    const Keys send = make_keys(*cipher.functions, server);
    failed += done && receive.aead && receive.header && send.aead && send.header ? 0 : 1;
  }
  if (failed != 0) state.SkipWithError("keys were not made");
  state.SetItemsProcessed(state.iterations());
}

// --- every suite and backend ----------------------------------------------------------------------

std::string name_of(CipherSuite suite) {
  switch (suite) {
    case CipherSuite::aes_128_gcm_sha256:
      return "AES-128-GCM";
    case CipherSuite::aes_256_gcm_sha384:
      return "AES-256-GCM";
    case CipherSuite::chacha20_poly1305_sha256:
      break;
  }
  return "ChaCha20-Poly1305";
}

template <class... Arguments>
benchmark::internal::Benchmark* add(const char* what, const Cipher& cipher,
                                    void (*function)(benchmark::State&, const Cipher&,
                                                     Arguments...),
                                    Arguments... arguments) {
  const std::string name = std::string("PacketProtection/") + what + "/" + cipher.name;
  return benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { function(state, cipher, arguments...); });
}

bool register_all() {
  for (const AeadBackend backend :
       {AeadBackend::ipsec_mb, AeadBackend::vaes, AeadBackend::aesni, AeadBackend::wolfcrypt}) {
    for (const CipherSuite suite :
         {CipherSuite::aes_128_gcm_sha256, CipherSuite::aes_256_gcm_sha384,
          CipherSuite::chacha20_poly1305_sha256}) {
      const CipherFunctions* functions = cipher_functions(backend, suite);
      if (functions == nullptr) continue;  // this build or this CPU has no such backend
      const std::string backend_name(to_string(backend));
      const Cipher cipher{functions, name_of(suite) + "/" + backend_name};
      // The smallest is about an acknowledgement's, the others those of Ethernet and of jumbo
      // frames.
      for (const std::int64_t size : {64, 1452, 8972}) {
        add("seal", cipher, protect, Operation::seal)->Arg(size)->ArgName("bytes");
        add("open", cipher, protect, Operation::open)->Arg(size)->ArgName("bytes");
      }
      add("mask", cipher, make_mask);
      add("install", cipher, install);
      add("prepare_update", cipher, prepare_update);
      if (suite == CipherSuite::aes_128_gcm_sha256) {
        add("install_initial", cipher, install_initial);
      }
    }
  }
  return true;
}
const bool kRegistered = register_all();

}  // namespace
}  // namespace quicore::engine
