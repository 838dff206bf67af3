// SPDX-License-Identifier: Apache-2.0
#include "engine/packet_protection.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/packet_protection_backend.h"
#include "engine/packet_protection_keys.h"
#include "engine/shard_heap.h"

namespace quicore::engine {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(
        static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

template <std::size_t kSize>
Bytes bytes(const std::array<std::uint8_t, kSize>& array, std::size_t size = kSize) {
  return {array.begin(), array.begin() + static_cast<std::ptrdiff_t>(size)};
}

struct Deleter {
  void operator()(AeadKey* key) const { destroy(key); }
  void operator()(HeaderKey* key) const { destroy(key); }
};
using AeadKeyPointer = std::unique_ptr<AeadKey, Deleter>;
using HeaderKeyPointer = std::unique_ptr<HeaderKey, Deleter>;

AeadKeyPointer aead_key(const CipherFunctions& functions, const Bytes& key) {
  return AeadKeyPointer(functions.make_aead_key(functions, key.data()));
}

Bytes seal(AeadKey& key, const Bytes& plaintext, const Bytes& nonce, const Bytes& aad) {
  Bytes out(plaintext.size() + kAeadTagSize);
  // An empty vector has no address, but ngtcp2 always gives one.
  const std::uint8_t* source = plaintext.empty() ? out.data() : plaintext.data();
  EXPECT_TRUE(key.functions->seal(&key, out.data(), source, plaintext.size(), nonce.data(),
                                  aad.data(), aad.size()));
  return out;
}

bool open(AeadKey& key, Bytes& out, const Bytes& ciphertext, const Bytes& nonce, const Bytes& aad) {
  out.reserve(ciphertext.size());  // as above: an address even for no bytes
  out.resize(ciphertext.size() - kAeadTagSize);
  return key.functions->open(&key, out.data(), ciphertext.data(), ciphertext.size(), nonce.data(),
                             aad.data(), aad.size());
}

Bytes mask(const CipherFunctions& functions, const Bytes& key, const Bytes& sample) {
  const HeaderKeyPointer header(functions.make_header_key(functions, key.data()));
  std::array<std::uint8_t, kHeaderSampleSize> out{};
  EXPECT_TRUE(header->functions->header_mask(header.get(), out.data(), sample.data()));
  return bytes(out, 5);
}

// The nonce of RFC 9001 5.3.
Bytes nonce_of(Bytes iv, std::uint64_t packet_number) {
  for (int i = 0; i < 8; ++i) {
    iv[iv.size() - 1 - static_cast<std::size_t>(i)] ^=
        static_cast<std::uint8_t>(packet_number >> (8 * i));
  }
  return iv;
}

constexpr std::array kSuites{CipherSuite::aes_128_gcm_sha256, CipherSuite::aes_256_gcm_sha384,
                             CipherSuite::chacha20_poly1305_sha256};

class PacketProtection : public testing::TestWithParam<AeadBackend> {
 protected:
  void SetUp() override {
    if (cipher_functions(GetParam(), kSuites[0]) == nullptr) {
      GTEST_SKIP() << "not to be had here: " << to_string(GetParam());
    }
  }
  const CipherFunctions& functions(CipherSuite suite) {
    return *cipher_functions(GetParam(), suite);
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, PacketProtection,
                         testing::Values(AeadBackend::wolfcrypt, AeadBackend::ipsec_mb,
                                         AeadBackend::vaes, AeadBackend::aesni),
                         [](const auto& backend) {
                           return backend.param == AeadBackend::wolfcrypt  ? "Wolfcrypt"
                                  : backend.param == AeadBackend::ipsec_mb ? "IpsecMb"
                                  : backend.param == AeadBackend::vaes     ? "Vaes"
                                                                           : "Aesni";
                         });

// --- RFC 9001 appendix A
// --------------------------------------------------------------------------

TEST(PacketProtectionKeys, InitialKeysAreThoseOfRfc9001AppendixA1) {
  InitialSecrets secrets;
  ASSERT_TRUE(derive_initial_secrets(secrets, NGTCP2_PROTO_VER_V1, hex("8394c8f03e515708")));
  EXPECT_EQ(bytes(secrets.client),
            hex("c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"));
  EXPECT_EQ(bytes(secrets.server),
            hex("3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b"));
  PacketKeys client, server;
  ASSERT_TRUE(derive_packet_keys(client, NGTCP2_PROTO_VER_V1, CipherSuite::aes_128_gcm_sha256,
                                 secrets.client));
  ASSERT_TRUE(derive_packet_keys(server, NGTCP2_PROTO_VER_V1, CipherSuite::aes_128_gcm_sha256,
                                 secrets.server));
  EXPECT_EQ(bytes(client.key, 16), hex("1f369613dd76d5467730efcbe3b1a22d"));
  EXPECT_EQ(bytes(client.iv), hex("fa044b2f42a3fd3b46fb255c"));
  EXPECT_EQ(bytes(client.header_key, 16), hex("9f50449e04a0e810283a1e9933adedd2"));
  EXPECT_EQ(bytes(server.key, 16), hex("cf3a5331653c364c88f0f379b6067e37"));
  EXPECT_EQ(bytes(server.iv), hex("0ac1493ca1905853b0bba03e"));
  EXPECT_EQ(bytes(server.header_key, 16), hex("c206b8d9b9f0f37644430b490eeaa314"));
}

TEST(PacketProtectionKeys, InitialKeysOfVersion2AreThoseOfRfc9369AppendixA1) {
  InitialSecrets secrets;
  ASSERT_TRUE(derive_initial_secrets(secrets, NGTCP2_PROTO_VER_V2, hex("8394c8f03e515708")));
  PacketKeys client;
  ASSERT_TRUE(derive_packet_keys(client, NGTCP2_PROTO_VER_V2, CipherSuite::aes_128_gcm_sha256,
                                 secrets.client));
  EXPECT_EQ(bytes(client.key, 16), hex("8b1a0bc121284290a29e0971b5cd045d"));
  EXPECT_EQ(bytes(client.iv), hex("91f73e2351d8fa91660e909f"));
  EXPECT_EQ(bytes(client.header_key, 16), hex("45b95e15235d6f45a6b19cbcb0294ba9"));
}

TEST_P(PacketProtection, SealsTheClientInitialOfRfc9001AppendixA2) {
  const Bytes header = hex("c300000001088394c8f03e5157080000449e00000002");
  Bytes payload = hex(
      "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004"
      "13011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018"
      "0010000700050461"
      "6c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1c"
      "e15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
      "02400100390032040"
      "8ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048"
      "000ffff");
  payload.resize(1162);
  const auto& suite = functions(CipherSuite::aes_128_gcm_sha256);
  const auto key = aead_key(suite, hex("1f369613dd76d5467730efcbe3b1a22d"));
  const Bytes sealed = seal(*key, payload, nonce_of(hex("fa044b2f42a3fd3b46fb255c"), 2), header);
  const Bytes sample(sealed.begin(), sealed.begin() + 16);
  EXPECT_EQ(sample, hex("d1b1c98dd7689fb8ec11d242b123dc9b"));
  EXPECT_EQ(mask(suite, hex("9f50449e04a0e810283a1e9933adedd2"), sample), hex("437b9aec36"));
  EXPECT_EQ(Bytes(sealed.end() - 16, sealed.end()), hex("e221af44860018ab0856972e194cd934"));
}

TEST_P(PacketProtection, OpensTheServerInitialOfRfc9001AppendixA3) {
  const Bytes header = hex("c1000000010008f067a5502a4262b50040750001");
  const Bytes sealed = hex(
      "5a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3db"
      "cba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7a"
      "af2f58891850abbdca3d20398c276456cbc42158407dd074ee");
  const auto& suite = functions(CipherSuite::aes_128_gcm_sha256);
  const auto key = aead_key(suite, hex("cf3a5331653c364c88f0f379b6067e37"));
  Bytes payload;
  ASSERT_TRUE(open(*key, payload, sealed, nonce_of(hex("0ac1493ca1905853b0bba03e"), 1), header));
  EXPECT_EQ(payload,
            hex("02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5"
                "430b9a045a1200130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d108128"
                "7c834d5311bcf32bb9da1a002b00020304"));
  EXPECT_EQ(
      mask(suite, hex("c206b8d9b9f0f37644430b490eeaa314"), hex("2cd0991cd25b0aac406a5816b6394100")),
      hex("2ec0d8356a"));
}

// The tag of a Retry packet is the seal of nothing.
TEST_P(PacketProtection, SealsTheRetryTagOfRfc9001AppendixA4) {
  const Bytes pseudo_packet = hex("088394c8f03e515708ff000000010008f067a5502a4262b5746f6b656e");
  const auto key =
      aead_key(functions(CipherSuite::aes_128_gcm_sha256), hex("be0c690b9f66575a1d766b54e368c84e"));
  EXPECT_EQ(seal(*key, {}, hex("461599d35d632bf2239825bb"), pseudo_packet),
            hex("04a265ba2eff4d829058fb3f0f2496ba"));
}

TEST_P(PacketProtection, SealsTheChaCha20ShortHeaderPacketOfRfc9001AppendixA5) {
  const auto& suite = functions(CipherSuite::chacha20_poly1305_sha256);
  const Bytes secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
  PacketKeys keys;
  ASSERT_TRUE(derive_packet_keys(keys, NGTCP2_PROTO_VER_V1, suite.suite, secret));
  EXPECT_EQ(bytes(keys.key),
            hex("c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8"));
  EXPECT_EQ(bytes(keys.iv), hex("e0459b3474bdd0e44a41c144"));
  EXPECT_EQ(bytes(keys.header_key),
            hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4"));
  Bytes next(32);
  ASSERT_TRUE(derive_next_secret(next.data(), NGTCP2_PROTO_VER_V1, suite.suite, secret));
  EXPECT_EQ(next, hex("1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"));

  const auto key = aead_key(suite, bytes(keys.key));
  const Bytes sealed = seal(*key, hex("01"), nonce_of(bytes(keys.iv), 654360564), hex("4200bff4"));
  EXPECT_EQ(sealed, hex("655e5cd55c41f69080575d7999c25a5bfb"));
  EXPECT_EQ(mask(suite, bytes(keys.header_key), hex("5e5cd55c41f69080575d7999c25a5bfb")),
            hex("aefefe7d03"));
}

// --- properties
// -----------------------------------------------------------------------------------

class RandomPackets {
 public:
  Bytes bytes(std::size_t size) {
    Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random_());
    return out;
  }

 private:
  std::mt19937 random_{9001};
};

TEST_P(PacketProtection, AgreesWithWolfcryptOnEverySizeAndCipher) {
  if (GetParam() == AeadBackend::wolfcrypt) GTEST_SKIP() << "with itself";
  RandomPackets random;
  for (const CipherSuite suite : kSuites) {
    const CipherFunctions& ours = *wolfcrypt_functions(suite);
    const CipherFunctions& theirs = functions(suite);
    const Bytes secret = random.bytes(ours.key_size);
    const auto a = aead_key(ours, secret), b = aead_key(theirs, secret);
    for (std::size_t size = 0; size <= 65'000; size += size < 1500 ? 1 : 1 + size / 10) {
      const Bytes plaintext = random.bytes(size), nonce = random.bytes(kAeadNonceSize);
      const Bytes aad = random.bytes(1 + size % 300);
      const Bytes sealed = seal(*a, plaintext, nonce, aad);
      ASSERT_EQ(sealed, seal(*b, plaintext, nonce, aad)) << "size " << size;
      Bytes opened;
      ASSERT_TRUE(open(*b, opened, sealed, nonce, aad)) << "size " << size;
      ASSERT_EQ(opened, plaintext);
      ASSERT_TRUE(open(*a, opened, sealed, nonce, aad)) << "size " << size;
      ASSERT_EQ(opened, plaintext);
    }
    for (int i = 0; i < 100; ++i) {
      const Bytes key = random.bytes(ours.key_size), sample = random.bytes(kHeaderSampleSize);
      ASSERT_EQ(mask(ours, key, sample), mask(theirs, key, sample));
    }
  }
}

TEST_P(PacketProtection, SealsAndOpensInPlace) {
  RandomPackets random;
  for (const CipherSuite suite : kSuites) {
    const auto& cipher = functions(suite);
    const auto key = aead_key(cipher, random.bytes(cipher.key_size));
    for (const std::size_t size :
         {1uz, 15uz, 16uz, 17uz, 33uz, 64uz, 127uz, 128uz, 255uz, 256uz, 1200uz, 1452uz}) {
      const Bytes plaintext = random.bytes(size), nonce = random.bytes(kAeadNonceSize);
      const Bytes aad = random.bytes(20);
      Bytes buffer = plaintext;
      buffer.resize(size + kAeadTagSize);
      ASSERT_TRUE(cipher.seal(key.get(), buffer.data(), buffer.data(), size, nonce.data(),
                              aad.data(), aad.size()));
      ASSERT_EQ(buffer, seal(*key, plaintext, nonce, aad));
      ASSERT_TRUE(cipher.open(key.get(), buffer.data(), buffer.data(), buffer.size(), nonce.data(),
                              aad.data(), aad.size()));
      buffer.resize(size);
      ASSERT_EQ(buffer, plaintext);
    }
  }
}

TEST_P(PacketProtection, AnyFlippedBitIsRefused) {
  RandomPackets random;
  for (const CipherSuite suite : kSuites) {
    const auto& cipher = functions(suite);
    const auto key = aead_key(cipher, random.bytes(cipher.key_size));
    const Bytes nonce = random.bytes(kAeadNonceSize), aad = random.bytes(9);
    const Bytes sealed = seal(*key, random.bytes(45), nonce, aad);
    Bytes opened;
    ASSERT_TRUE(open(*key, opened, sealed, nonce, aad));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      Bytes forged = sealed;
      forged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      ASSERT_FALSE(open(*key, opened, forged, nonce, aad)) << "bit " << bit;
    }
    for (std::size_t bit = 0; bit < aad.size() * 8; ++bit) {
      Bytes forged = aad;
      forged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      ASSERT_FALSE(open(*key, opened, sealed, nonce, forged)) << "AAD bit " << bit;
    }
    Bytes other_nonce = nonce;
    other_nonce.back() ^= 1;
    EXPECT_FALSE(open(*key, opened, sealed, other_nonce, aad));
  }
}

TEST_P(PacketProtection, NeitherSealingNorOpeningNorMaskingAllocates) {
  ShardHeap heap;
  const ShardHeap::Scope scope(heap);
  RandomPackets random;
  for (const CipherSuite suite : kSuites) {
    const auto& cipher = functions(suite);
    const Bytes secret = random.bytes(cipher.key_size);
    const auto key = aead_key(cipher, secret);
    const HeaderKeyPointer header(cipher.make_header_key(cipher, secret.data()));
    const Bytes nonce = random.bytes(kAeadNonceSize), aad = random.bytes(20);
    Bytes packet = random.bytes(1452 + kAeadTagSize);
    const std::uint64_t before = heap.allocations();
    EXPECT_GT(before, 0u) << "keys come from the shard's heap";
    ASSERT_TRUE(cipher.seal(key.get(), packet.data(), packet.data(), 1452, nonce.data(), aad.data(),
                            aad.size()));
    std::array<std::uint8_t, kHeaderSampleSize> out;
    ASSERT_TRUE(header->functions->header_mask(header.get(), out.data(), packet.data()));
    ASSERT_TRUE(cipher.open(key.get(), packet.data(), packet.data(), packet.size(), nonce.data(),
                            aad.data(), aad.size()));
    EXPECT_EQ(heap.allocations(), before);
  }
}

TEST_P(PacketProtection, ASleepingKeyIsTheSameKeyAndTakesItsMemoryWhenItIsNeeded) {
  for (const CipherSuite suite : kSuites) {
    ShardHeap heap;
    const ShardHeap::Scope scope(heap);
    const CipherFunctions& expected = functions(suite);
    const Bytes secret(kMaxAeadKeySize, 7);
    const Bytes nonce(kAeadNonceSize, 1), aad(20, 2), plaintext(300, 3);
    AeadKeyPointer key(make_sleeping_key(expected, secret.data()));
    EXPECT_EQ(heap.allocations(), 1u);
    const Bytes sealed = seal(*key, plaintext, nonce, aad);
    EXPECT_GT(heap.allocations(), 1u);
    const std::uint64_t awake = heap.allocations();
    Bytes opened;
    EXPECT_TRUE(open(*key, opened, sealed, nonce, aad));
    EXPECT_EQ(opened, plaintext);
    EXPECT_FALSE(open(*key, opened, sealed, nonce, Bytes(20, 9)));
    EXPECT_EQ(heap.allocations(), awake);
    key.reset();
    EXPECT_EQ(heap.releases(), awake);
    EXPECT_EQ(sealed, seal(*aead_key(expected, secret), plaintext, nonce, aad));
  }
}

// --- the callbacks
// --------------------------------------------------------------------------------

TEST_P(PacketProtection, TheCallbacksSealAndOpenWithTheKeyOfTheirContext) {
  ngtcp2_callbacks callbacks{};
  install_packet_protection(callbacks);
  RandomPackets random;
  const auto& cipher = functions(CipherSuite::aes_128_gcm_sha256);
  const Bytes secret = random.bytes(16), nonce = random.bytes(12), aad = random.bytes(7);
  ngtcp2_crypto_aead_ctx context{cipher.make_aead_key(cipher, secret.data())};
  const ngtcp2_crypto_aead aead{};
  const Bytes plaintext = random.bytes(100);
  Bytes packet(116), opened(100);
  ASSERT_EQ(callbacks.encrypt(packet.data(), &aead, &context, plaintext.data(), 100, nonce.data(),
                              12, aad.data(), aad.size()),
            0);
  ASSERT_EQ(callbacks.decrypt(opened.data(), &aead, &context, packet.data(), 116, nonce.data(), 12,
                              aad.data(), aad.size()),
            0);
  EXPECT_EQ(opened, plaintext);
  packet[3] ^= 1;
  EXPECT_EQ(callbacks.decrypt(opened.data(), &aead, &context, packet.data(), 116, nonce.data(), 12,
                              aad.data(), aad.size()),
            NGTCP2_ERR_DECRYPT);
  EXPECT_EQ(callbacks.decrypt(opened.data(), &aead, &context, packet.data(), kAeadTagSize - 1,
                              nonce.data(), 12, aad.data(), aad.size()),
            NGTCP2_ERR_DECRYPT)
      << "shorter than a tag";
  callbacks.delete_crypto_aead_ctx(nullptr, &context, nullptr);
  EXPECT_EQ(context.native_handle, nullptr);
  callbacks.delete_crypto_aead_ctx(nullptr, &context, nullptr);  // ngtcp2 deletes empty ones, too
}

TEST(PacketProtectionBackends, CanBeChosenAndNamed) {
  ASSERT_TRUE(select_aead_backend(AeadBackend::wolfcrypt));
  EXPECT_EQ(to_string(aead_backend()), "wolfcrypt");
  const Result<> ipsec = select_aead_backend(AeadBackend::ipsec_mb);
  if (ipsec_mb_functions(kSuites[0]) != nullptr) {
    ASSERT_TRUE(ipsec);
    EXPECT_EQ(to_string(aead_backend()), "ipsec-mb");
  } else {
    ASSERT_FALSE(ipsec);
    EXPECT_EQ(ipsec.error().kind, Errc::not_supported);
    EXPECT_NE(ipsec.error().reason.find(ipsec_mb_obstacle()), std::string::npos);
  }
  for (const auto& [backend, functions, name] :
       {std::tuple(AeadBackend::vaes, vaes_functions(kSuites[0]), "vaes"),
        std::tuple(AeadBackend::aesni, aesni_functions(kSuites[0]), "aesni")}) {
    const Result<> chosen = select_aead_backend(backend);
    if (functions != nullptr) {
      ASSERT_TRUE(chosen) << name;
      EXPECT_EQ(to_string(aead_backend()), name);
    } else {
      ASSERT_FALSE(chosen) << name;
      EXPECT_EQ(chosen.error().kind, Errc::not_supported);
    }
  }
  ASSERT_TRUE(select_aead_backend(AeadBackend::automatic));
  EXPECT_NE(aead_backend(), AeadBackend::automatic);
}

}  // namespace
}  // namespace quicore::engine
